"""The channel layer: channels_redis's on Redis' pub/sub, but for one flaw."""

from typing import Any
from uuid import uuid4

from channels_redis.pubsub import RedisPubSubChannelLayer


class ChannelLayer(RedisPubSubChannelLayer):
    async def new_channel(self, prefix: str = "specific.") -> str:
        """A channel of this process. While Redis is away (redis.RedisError) it leaves no queue behind: the sockets
        that try again and again through an outage would fill the memory.
        """
        layer: Any = self._get_layer()
        channel = f"{layer.prefix}{prefix}{uuid4().hex}"
        try:
            await layer._subscribe_to_channel(channel)
        except BaseException:
            layer.channels.pop(channel, None)
            raise
        return channel
