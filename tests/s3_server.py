"""An S3 server on loopback, in a thread of the tests, which can be told to go away."""

import contextlib
import socket
import threading

import requests

INSTALL = "moto is not installed: make test-s3"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nowhere",  # nothing of who runs the tests
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
}


class S3Server:
    """The server.

    Attributes:
        url: Where it listens.
        asked: Method and path of each request so far.
        requests_left: After so many more that get an object, connections break; None: never.
        is_closed: Whether it lets nobody in.
    """

    def __init__(self, application):
        self.asked: list[str] = []
        self.requests_left: int | None = None
        self.is_closed = False
        self._application = application
        self.url = ""

    def __call__(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.asked.append(f"{method} {path}")
        if self.requests_left is not None and method == "GET" and not environ["QUERY_STRING"]:
            self.requests_left -= 1
            if self.requests_left < 0:
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        if self.is_closed:
            start_response("403 Forbidden", [("Content-Type", "application/xml")])
            return [b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"]
        return self._application(environ, start_response)

    def make_bucket(self, name: str) -> None:
        self._client().create_bucket(Bucket=name)

    def put(self, path: str, content: bytes) -> None:
        """Write an object, as `data/videos/a.mp4` in the bucket `data`."""
        bucket, _, key = path.partition("/")
        self._client().put_object(Bucket=bucket, Key=key, Body=content)

    def get(self, path: str) -> bytes:
        bucket, _, key = path.partition("/")
        return self._client().get_object(Bucket=bucket, Key=key)["Body"].read()

    def _client(self):
        from boto3 import client

        return client("s3", endpoint_url=self.url)

    def reset(self) -> None:
        """Forget all buckets, and let everybody in."""
        self.requests_left, self.is_closed = None, False
        requests.post(f"{self.url}/moto-api/reset", timeout=10).raise_for_status()
        self.asked.clear()


@contextlib.contextmanager
def serve_s3():
    """Serve until the body ends; needs moto."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Silent(WSGIRequestHandler):
        def log(self, *_):
            pass

    server = S3Server(DomainDispatcherApplication(create_backend_app))
    listening = make_server("127.0.0.1", 0, server, threaded=True, request_handler=Silent)
    server.url = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()
