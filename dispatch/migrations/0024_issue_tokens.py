"""A right of its own for the tokens of drivers' apps."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0023_tokens_are_told")]
    operations = [
        migrations.AlterModelOptions(
            name="driver",
            options={
                "ordering": ["name", "id"],
                "permissions": [("issue_tokens", "Can issue the tokens of drivers’ apps")],
            },
        ),
    ]
