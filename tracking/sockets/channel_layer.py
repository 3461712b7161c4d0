"""The channel layer: channels_redis's on Redis' pub/sub, made for hundreds of sockets that come and go at once.

Of several Redis each has the channels and groups that channels_redis's hash of their names gives it.
"""

import asyncio
import random
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from channels_redis.pubsub import RedisPubSubChannelLayer, RedisSingleShardConnection


class ChannelLayer(RedisPubSubChannelLayer):
    async def new_channel(self, prefix: str = "specific.") -> str:
        """A channel of this process, named as Channels names such ones: up to the "!" it is the process's mailbox,
        which alone is a subscription at Redis. It would confirm each of thousands. Raises redis.RedisError.
        """
        layer = self._get_layer()
        connection = random.choice(layer._shards)
        await connection.open_mailbox()
        channel = f"{connection.mailbox}{uuid4().hex}"
        layer.channels[channel] = asyncio.Queue()
        return channel

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        layer = self._get_layer()
        mailbox, mark, _ = channel.partition("!")
        if not mark:
            await layer.send(channel, message)
            return
        mailbox += mark
        await layer._get_shard(mailbox).publish(mailbox, addressed(channel, self.serialize(message)))

    async def end_channel(self, channel: str, groups: Iterable[str]) -> None:
        """Takes a channel out of its groups and forgets it. channels_redis forgets one when its `receive` is
        cancelled, which does nothing where that had not begun.

        Raises redis.RedisError; Redis is told the next time then.
        """
        layer = self._get_layer()
        left = [layer._get_group_channel_name(group) for group in groups]
        for group in left:
            members = layer.groups.get(group, set())
            members.discard(channel)
            if not members:
                layer.groups.pop(group, None)
        layer.channels.pop(channel, None)
        await asyncio.gather(*(layer._get_shard(name).settle(name) for name in left))

    def _get_layer(self) -> Any:
        layer = super()._get_layer()
        if not isinstance(layer._shards[0], Connection):
            layer._shards = [Connection(shard.host, layer) for shard in layer._shards]
            for connection in layer._shards:
                while layer._get_shard(connection.mailbox) is not connection:
                    connection.mailbox = new_mailbox(layer.prefix)
        return layer


def new_mailbox(prefix: str) -> str:
    return f"{prefix}specific.{uuid4().hex}!"


def addressed(channel: str, message: bytes) -> bytes:
    """As it is sent to a mailbox: the channel it is for, and the message."""
    return channel.encode() + b"\n" + message


class Connection(RedisSingleShardConnection):
    """Subscribes for all who wait with one command. channels_redis has each wait for its turn at a lock, one turn of
    the event loop or more for each: a busy process has some hundred turns a second, and sockets that come faster
    than that pile up. Raises redis.RedisError.
    """

    def __init__(self, host: Any, layer: Any) -> None:
        super().__init__(host, layer)
        #: Of this process, at this Redis.
        self.mailbox = new_mailbox(layer.prefix)
        self._publishing: asyncio.Task[None] | None = None
        #: Channel or group, and message, of those who have come since.
        self._unpublished: list[tuple[str, bytes]] = []
        self._in_order = asyncio.Lock()
        self._settling: asyncio.Task[None] | None = None
        #: Names that have come or gone since Redis was last told.
        self._unsettled: set[str] = set()

    async def publish(self, channel: str, message: bytes) -> None:
        """With those of others who come in this turn of the event loop, or while Redis has the ones before."""
        self._unpublished.append((channel, message))
        if self._publishing is None:
            self._publishing = asyncio.create_task(self._publish())
        # Whoever is cancelled takes nobody's message along.
        await asyncio.shield(self._publishing)

    async def _publish(self) -> None:
        async with self._in_order:
            self._publishing = None
            messages, self._unpublished = self._unpublished, []
            self._ensure_redis()
            pipeline = self._redis.pipeline(transaction=False)
            for channel, message in messages:
                pipeline.publish(channel, message)
            await pipeline.execute()

    async def open_mailbox(self) -> None:
        if self.mailbox not in self._subscribed_to:
            await self.settle(self.mailbox)

    def _receive_message(self, message: dict[str, Any] | None) -> None:
        if message is None or message["channel"].decode() != self.mailbox:
            super()._receive_message(message)
            return
        channel, _, content = message["data"].partition(b"\n")
        if queue := self.channel_layer.channels.get(channel.decode()):
            queue.put_nowait(content)

    async def subscribe(self, channel: str) -> None:
        await self.settle(channel)

    async def unsubscribe(self, channel: str) -> None:
        await self.settle(channel)

    async def settle(self, name: str) -> None:
        """Redis is told whether there is this channel or group now, as the layer knows it."""
        self._unsettled.add(name)
        if self._settling is None:
            self._settling = asyncio.create_task(self._settle())
        # Whoever is cancelled takes nobody's subscription along.
        await asyncio.shield(self._settling)

    async def _settle(self) -> None:
        async with self._lock:  # whoever comes while others are being subscribed is in the next command
            self._settling = None
            self._ensure_redis()
            self._ensure_receiver()
            # Only what has changed is looked at: thousands are heard.
            changed, self._unsettled = self._unsettled, set()
            there = {name for name in changed if self._is_there(name)}
            new, old = there - self._subscribed_to, (changed - there) & self._subscribed_to
            try:
                if new:
                    await self._pubsub.subscribe(*new)
                    self._subscribed_to |= new
                if old:
                    await self._pubsub.unsubscribe(*old)
                    self._subscribed_to -= old
            except BaseException:
                # The next time, but for those who came in vain and are gone by then: an outage has no end of them.
                self._unsettled |= new | old
                raise

    def _is_there(self, name: str) -> bool:
        layer = self.channel_layer
        return name == self.mailbox or name in layer.groups or name in layer.channels
