"""The service: TensorFlow Serving's REST routes, Vertex AI's, health, and the page."""

import asyncio
import logging
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from service import answers
from service.batching import Batches
from service.errors import RefusedError
from service.instances import PredictRequest, read_request

log = logging.getLogger(__name__)

LARGEST_BODY = 1_500_000  # bytes: Vertex AI's limit
LOOK_EVERY, LOOK_AFAR_EVERY = 1, 60  # seconds; each look into a bucket costs money
PAGE = Path(__file__).with_name("page.html")
PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; connect-src 'self'; img-src data:; "
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
SCHEMAS = "#/components/schemas/{model}"
BODY = {
    "required": True,
    "content": {"application/json": {"schema": {"$ref": SCHEMAS.format(model="PredictRequest")}}},
}
REFUSED = {"4XX": {"model": answers.Error, "description": "What was expected, what was found"}}
FAILED = {500: {"model": answers.Error, "description": "The model, or the service, is at fault"}}


def make_app(models, predict_route=None, health_route=None):
    """The FastAPI app.

    models         `service.versions.Model`s, with different names
    predict_route  one more path for predictions by the first of them, and
    health_route   for health; Vertex AI chooses these
    """
    app = FastAPI(
        title="Handwritten digits",
        version="1",
        description="Reads images of handwritten digits, as TensorFlow Serving would.",
        docs_url=None,  # that page would load its parts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_watching(models),
    )
    _add_page(app, models)
    for model in models:
        _add_model(app, model, Batches(), predict_route if model is models[0] else None)
    for route in dict.fromkeys(("/health", health_route or "/health")):
        app.get(route, summary="Health", response_model=answers.Health)(_healthy)
    _explain_refusals(app, models)
    app.openapi = lambda: _description(app)
    return app


def _watching(models):
    """While the app runs, look for new versions, beside what it answers."""

    @asynccontextmanager
    async def lifespan(_):
        tasks = [asyncio.create_task(_watch(model)) for model in models if model.has_versions]
        yield
        for task in tasks:
            task.cancel()

    return lifespan


async def _watch(model):
    complaint = None
    while True:
        await asyncio.sleep(LOOK_AFAR_EVERY if "://" in model.folder else LOOK_EVERY)
        try:
            await asyncio.to_thread(model.refresh)
            complaint = None
        except Exception as error:  # a disk that is away may come back
            if complaint != str(error):
                complaint = str(error)
                log.warning("%s: can't look for new versions: %s", model.name, complaint)


def _add_page(app, models):
    options = "".join(f"<option>{model.name}</option>" for model in models)
    page = PAGE.read_text("utf-8").replace("<!-- models -->", options)

    @app.get("/", include_in_schema=False)
    async def draw_a_digit():
        return HTMLResponse(page, headers=PAGE_HEADERS)


def _add_model(app, model, batches, another_route):
    path = f"/v1/models/{model.name}"

    async def predict(request: Request):
        return await _predict(model, batches, request)

    async def predict_by_version(version: str, request: Request):
        return await _predict(model, batches, request, version)

    async def status():
        return _json(answers.model_status(model.current.number))

    async def status_of_version(version: str):
        return _json(answers.model_status(_loaded(model, version).number))

    def add(method, route, function, answer, **more):
        app.add_api_route(
            route,
            function,
            methods=[method],
            summary=f"{function.__name__.replace('_', ' ').capitalize()}: {model.name}",
            operation_id=f"{method} {route}",
            response_model=answer,
            responses=REFUSED | more.pop("responses", {}),
            **more,
        )

    takes_images = {"openapi_extra": {"requestBody": BODY}, "responses": FAILED}
    for route in filter(None, dict.fromkeys((f"{path}:predict", another_route))):
        add("POST", route, predict, answers.Predictions, **takes_images)
    versions = f"{path}/versions/{{version}}"
    add("POST", f"{versions}:predict", predict_by_version, answers.Predictions, **takes_images)
    add("GET", path, status, answers.ModelStatus)
    add("GET", versions, status_of_version, answers.ModelStatus)


async def _healthy():
    # The service listens from when all models are loaded.
    return answers.Health(status="ok")


async def _predict(model, batches, request, wanted=None):
    images = read_request(await _body(request))
    # From here on this request has its version, whatever is loaded meanwhile.
    version = model.current if wanted is None else _loaded(model, wanted)
    classes, probabilities = await batches.predict(version, images)
    if not np.isfinite(probabilities).all():
        raise RefusedError(
            f"model {model.name}, version {version.number}: expected probabilities, found NaN; it "
            "has to be trained anew",
            500,
        )
    return _json(answers.predictions(classes, probabilities))


def _loaded(model, wanted):
    version = model.current
    if wanted != str(version.number):
        raise RefusedError(
            f"model {model.name}: expected version {version.number}, which is loaded, found "
            f"{wanted[:40]}",
            404,
        )
    return version


async def _body(request):
    """The request's body; refused as soon as it is too large, whether it says so before or not."""
    size = int(request.headers.get("content-length", 0))
    chunks = []
    if size <= LARGEST_BODY:
        size = 0
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size > LARGEST_BODY:
                    break
                chunks.append(chunk)
        except asyncio.CancelledError:
            # The service ends, and has waited for the rest of this body for as long as it may.
            raise RefusedError("the service has ended before the request did", 503) from None
    if size > LARGEST_BODY:
        raise RefusedError(
            f"expected a body of at most {LARGEST_BODY:,} bytes, found at least {size:,}; send "
            "fewer instances at a time",
            413,
        )
    return b"".join(chunks)


def _explain_refusals(app, models):
    names = ", ".join(model.name for model in models)

    @app.exception_handler(RefusedError)
    async def refused(_, error):
        return _json(answers.error(str(error)), error.status)

    @app.exception_handler(HTTPException)
    async def no_such_route(request, error):
        found = f"{request.method} {request.url.path[:100]}"
        if error.status_code == 405:
            message = f"expected {error.headers['Allow']}, found {found}"
        else:
            message = f"expected a path of /openapi.json (models: {names}), found {found}"
        return _json(answers.error(message), error.status_code, error.headers)

    @app.exception_handler(ClientDisconnect)
    async def gone(_, __):
        return Response(status_code=400)  # which nobody receives

    @app.exception_handler(Exception)
    async def failed(_, __):
        # It is raised again after this answer, and logged.
        return _json(answers.error("the service has failed; its log says why"), 500)


def _json(content, status=200, headers=None):
    return Response(content, status, headers, "application/json")


def _description(app):
    """OpenAPI's description, with what FastAPI does not know because we read bodies ourselves."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schema = PredictRequest.model_json_schema(ref_template=SCHEMAS)
        document["components"]["schemas"] |= schema.pop("$defs")
        document["components"]["schemas"]["PredictRequest"] = schema
        app.openapi_schema = document
    return app.openapi_schema
