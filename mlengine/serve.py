"""Answers requests for predictions as TensorFlow Serving does, and shows a page to draw digits on.

    python serve.py --model /tmp/dnn/export
    python serve.py --model mnist=/tmp/dnn/export --model best=/tmp/cnn/export --port 8080

A model's folder has a folder for each version, of which the highest is served; a new one is taken
up while the service runs. Or it is itself a SavedModel.
"""

import argparse
import logging
import os
import re
import signal
import socket
import sys
from typing import NamedTuple

from errors import UsageError, explain_and_exit, require
from service.folders import check_folder

PORT = 8501  # TensorFlow Serving's
NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
ROUTE = r"/[A-Za-z0-9/_.:~-]*"
# A proxy in front keeps its connections open for about a minute. It, not we, has to be the one who
# closes them, or a request meets a connection that has just gone.
KEEP_ALIVE_SECONDS = 75
# Docker and its like kill a container ten seconds after SIGTERM.
LAST_REQUESTS_SECONDS = 8


class Options(NamedTuple):
    models: dict[str, str]  # {name: folder}
    host: str
    port: int
    predict_route: str | None
    health_route: str | None


def main(arguments=None):
    # Until the service runs; it ends its requests first, and then comes back to this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    options = parse(arguments, os.environ)
    with reserved(options.host, options.port) as door:
        serve(options, door)


def parse(arguments, environment):
    """The options of a command line and of what Vertex AI says in the environment."""
    given_by_vertex = {name: value for name, value in environment.items() if value}.get
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="Without the flags, Vertex AI's AIP_STORAGE_URI is the model and AIP_HTTP_PORT the "
        "port; AIP_PREDICT_ROUTE and AIP_HEALTH_ROUTE are more paths to the first model.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--model",
        action="append",
        metavar="[NAME=]DIR",
        help="a model to serve, and its name in the URL (mnist); may be given several times",
    )
    parser.add_argument("--port", help=f"to listen at ({PORT}); 0: any that is free")
    parser.add_argument(
        "--host",
        help="to listen at (127.0.0.1: this machine only; 0.0.0.0: all, which is the default where "
        "AIP_HTTP_PORT is set)",
    )
    given = parser.parse_args(arguments)
    at_vertex = given_by_vertex("AIP_HTTP_PORT")
    source, port = ("--port", given.port) if given.port else ("AIP_HTTP_PORT", at_vertex or PORT)
    return Options(
        models=_models(given.model or [given_by_vertex("AIP_STORAGE_URI")]),
        # A container's requests come from outside of it; on a laptop, nobody's should.
        host=given.host or ("0.0.0.0" if at_vertex else "127.0.0.1"),
        port=_port(source, port),
        predict_route=_route("AIP_PREDICT_ROUTE", given_by_vertex("AIP_PREDICT_ROUTE")),
        health_route=_route("AIP_HEALTH_ROUTE", given_by_vertex("AIP_HEALTH_ROUTE")),
    )


def _models(given):
    models = {}
    for text in given:
        if not text:
            raise UsageError("expected a model, found none; name its folder with --model DIR")
        name, folder = re.fullmatch(rf"(?:({NAME})=)?(.*)", text, re.DOTALL).groups("mnist")
        if name in models:
            raise UsageError(f"--model {text}: the name {name} is taken; add another, NAME=DIR")
        check_folder("--model", folder)
        models[name] = folder
    return models


def _port(source, text):
    if not re.fullmatch(r"\d{1,5}", str(text), re.ASCII) or int(text) > 65535:
        raise UsageError(f"{source}: expected a port from 0 to 65535, found {text}")
    return int(text)


def _route(source, text):
    if text and not re.fullmatch(ROUTE, text):
        raise UsageError(f"{source}: expected a path such as /predict, found {text}")
    return text


def reserved(host, port):
    """A socket that is bound: the port is ours, but nobody is kept waiting there yet."""
    door = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        door = socket.socket(family, kind, protocol)
        if os.name == "posix":  # elsewhere it would let two services share a port
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
    except (OSError, UnicodeError) as error:  # the latter for names like "a..b"
        if door:
            door.close()
        raise _can_not_listen(host, port, error) from None
    return door


def _can_not_listen(host, port, error):
    reason = getattr(error, "strerror", None) or error
    return UsageError(f"can't listen at {host}, port {port} ({reason}); choose another with --port")


def serve(options, door):
    """Load the models, and answer until SIGTERM or Ctrl-C."""
    # Late: these take seconds, and whoever mistyped a flag need not wait.
    require("serve", "fastapi", "pydantic", "uvicorn")
    import uvicorn

    from service.app import make_app
    from service.versions import Model

    _log_plainly()
    models = [Model(name, folder) for name, folder in options.models.items()]
    app = make_app(models, options.predict_route, options.health_route)
    host, port = door.getsockname()[:2]
    try:
        door.listen(2048)
    except OSError as error:
        raise _can_not_listen(host, port, error) from None
    served = " and ".join(f"{model.name} (version {model.current.number})" for model in models)
    address = f"[{host}]" if ":" in host else host
    logging.getLogger("service").info("serving %s at http://%s:%d/", served, address, port)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        ws="none",
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=LAST_REQUESTS_SECONDS,
    )
    try:
        uvicorn.Server(config).run(sockets=[door])
    except KeyboardInterrupt:
        sys.exit(130)


def _log_plainly():
    """News to standard output, troubles to standard error, nothing else."""
    news, troubles = logging.StreamHandler(sys.stdout), logging.StreamHandler(sys.stderr)
    news.addFilter(lambda record: record.levelno < logging.WARNING)
    troubles.setLevel(logging.WARNING)
    service = logging.getLogger("service")
    service.setLevel(logging.INFO)
    service.propagate = False
    service.handlers = [news, troubles]
    logging.getLogger("uvicorn").setLevel(logging.ERROR)


if __name__ == "__main__":
    explain_and_exit(main)
