"""What the admin asks before it acts on orders."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from dispatch.models import DeliveryArea, Driver, Order, Skill
from dispatch.models.items import as_lines, parse_items, validate_items
from dispatch.orders.actions import CORRECTABLE
from dispatch.statuses import OrderStatus

TIMES = frozenset({"ready_at", "promised_at", "wanted_at"})
#: Told in a line.
LINES = ("number", "kitchen_note", "driver_note", "door_note", "tip", "cash_due")


class ItemsField(forms.CharField):
    """A list of items as lines of text (dispatch/models/items.py)."""

    widget = forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"})

    def prepare_value(self, value: Any) -> Any:
        return as_lines(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return parse_items(super().to_python(value) or "")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != self.to_python(data))


class SkillsField(forms.MultipleChoiceField):
    """Codes of skills, to be ticked by their names."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=lambda: Skill.objects.values_list("code", "name"), required=False, **options)


class DriverForm(forms.ModelForm):
    """A driver as staff enter one, or correct."""

    skills = SkillsField(help_text="What orders may need of a driver.")

    class Meta:
        model = Driver
        fields = ["name", "phone", "city", "vehicle", "capacity", "skills"]


class OrderForm(forms.ModelForm):
    """An order as staff enter or correct it; a door has both coordinates or none yet. Times are in the time zone that
    is active.
    """

    needs = SkillsField(help_text="Without these no driver is offered or given it by Doorstep.")
    items = ItemsField(required=False, validators=[validate_items], help_text="One a line: 2 × Pad Thai")

    promise_reason = forms.CharField(
        required=False,
        max_length=300,
        label="Why the promise moves",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="Where “promised at” is changed.",
    )

    class Meta:
        model = Order
        fields = ["restaurant", *CORRECTABLE]
        widgets = {
            name: forms.TextInput(attrs={"class": "vTextField"})
            for name in ("customer_name", "customer_phone", "customer_language", "customer_address", *LINES)
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in TIMES & self.fields.keys():
            self.fields[name].help_text += f" By the clocks of {timezone.get_current_timezone_name()}."

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        # What the page shows to the second and nobody has changed stays as it is.
        data |= {name: self.initial[name] for name in TIMES - {*self.changed_data} if name in self.initial}
        if (data.get("customer_lat") is None) != (data.get("customer_lng") is None) and not self.errors:
            raise ValidationError("Give both coordinates of the customer's door, or none.")
        return data


class AreaField(forms.JSONField):
    """GeoJSON, as text; empty: none."""

    widget = forms.Textarea(attrs={"rows": 5, "class": "vLargeTextField"})

    def prepare_value(self, value: Any) -> Any:
        return "" if value is None else super().prepare_value(value)

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except RecursionError:
            raise ValidationError("The JSON is nested too deeply.") from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        try:
            return super().bound_data(data, initial)
        except RecursionError:
            return None


class AreaForm(forms.ModelForm):
    class Meta:
        model = DeliveryArea
        fields = ["area"]
        field_classes = {"area": AreaField}


class PlaceForm(forms.ModelForm):
    """A restaurant or a city. What is switched on begins now, unless it says when. Times are in the time zone that is
    active.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "extra_minutes" in self.fields:
            self.fields["extra_minutes"].required = False

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        now = timezone.now()
        if data.get("paused_until") and not data.get("paused_since"):
            data["paused_since"] = now
        data["extra_minutes"] = data.get("extra_minutes") or 0
        if not data["extra_minutes"]:
            data["extra_since"] = data["extra_until"] = None
        elif data.get("extra_until") is None:
            self.add_error("extra_until", "Say until when: it ends by itself.")
        else:
            data["extra_since"] = data.get("extra_since") or now
        return data


class _DriverChoice(forms.ModelChoiceField):
    def label_from_instance(self, driver: Driver) -> str:
        place = driver.city.name if driver.city else "no city"
        return f"{place}: {driver.name} ({driver.get_status_display().lower()})"


class AssignForm(forms.Form):
    driver = _DriverChoice(
        Driver.objects.filter(on_shift=True).select_related("city").order_by("city__name", "name", "pk"),
        help_text="Only drivers who are on shift.",
    )


class CloseForm(forms.Form):
    status = forms.ChoiceField(
        choices=[(status.value, status.label) for status in (OrderStatus.DELIVERED, OrderStatus.FAILED)],
        label="Handover",
    )
    reason = forms.CharField(
        max_length=300,
        help_text="The order's timeline keeps it.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class CancelForm(forms.Form):
    reason = forms.CharField(
        max_length=300,
        help_text="The order's timeline keeps it.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    dispose = forms.BooleanField(
        required=False,
        label="Dispose of the food",
        help_text="Else a driver who has it already brings it back to the restaurant.",
    )
