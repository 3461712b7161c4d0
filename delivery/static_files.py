"""Static files by WhiteNoise, at home under ASGI too.

WhiteNoise's own middleware is synchronous: Django would run all that lies behind it in a thread which waits for the
event loop in its turn. Each page would pay for that, and a client that hangs up at the wrong moment would leave
asgiref with an executor that has ended, which it says in a traceback (a known flaw).
"""

from asyncio import iscoroutinefunction
from typing import Any

from asgiref.sync import markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFiles(WhiteNoiseMiddleware):
    """Middleware that answers for files below STATIC_URL, and passes on everything else."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        return self._answer(request) if self._is_async else super().__call__(request)

    async def _answer(self, request: HttpRequest) -> Any:
        if self.autorefresh:
            file = await sync_to_async(self.find_file)(request.path_info)
        else:
            file = self.files.get(request.path_info)
        if file is None:
            return await self.get_response(request)
        return await sync_to_async(self.serve)(file, request)

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        """In one piece: the files are small, and Django warns of a file that it would have to read bit by bit."""
        found = static_file.get_response(request.method, request.META)
        response = HttpResponse(status=int(found.status))
        del response["Content-Type"]
        for name, value in found.headers:
            response[name] = value
        if found.file is not None:
            with found.file:
                response.content = found.file.read()
        return response
