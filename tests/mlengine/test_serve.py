"""The prediction service, as a real process that is asked over HTTP."""

import json
import math
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
import tensorflow as tf

import serve
from benchmarks.serving import FLAT, load, soak
from errors import UsageError
from service.app import LARGEST_BODY
from service.versions import Model
from tests.mlengine.jobs import MLENGINE, PATIENCE, wait_for
from tests.mlengine.serving import (
    IMAGE,
    Softmax,
    ask,
    export,
    export_constant,
    mnist_digits,
    serving,
)

pytestmark = pytest.mark.xdist_group("serve")  # they share a process that takes long to start

PREDICT = "/v1/models/mnist:predict"
BLANK = [[0] * 28] * 28
AVAILABLE = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}


def blank_but(value):
    """An image with something else in its last place."""
    return [*BLANK[:-1], [*BLANK[-1][:-1], value]]


def test_predictions_are_rows_as_tensorflow_serving_gives_them(service, trained):
    digits = mnist_digits(5, 87, 95)
    rows = service.predict(digits)
    assert [list(row) for row in rows] == [["classes", "probabilities"]] * 3
    assert [row["classes"] for row in rows] == [1, 3, 4]
    # They are the model's own numbers, but for what another batch size may round otherwise.
    model = tf.saved_model.load(str(trained / "100"))
    own = model.signatures["serving_default"](image=tf.constant(digits))
    given = np.array([row["probabilities"] for row in rows], np.float32)
    assert np.allclose(given, own["probabilities"], rtol=1e-4, atol=0)
    assert given.shape == (3, 10)
    assert np.allclose(given.sum(axis=1), 1)
    assert all(type(p) is float for row in rows for p in row["probabilities"])


def test_an_image_may_stand_under_its_name(service):
    digits = mnist_digits(5, 87, 95)
    named = [{"image": digit} for digit in digits]
    assert service.predict(named) == service.predict(digits)
    body = {"instances": named, "signature_name": "serving_default", "parameters": {"any": 1}}
    assert service.ask("POST", PREDICT, body) == (200, {"predictions": service.predict(digits)})
    # Whole numbers are numbers, and the limits are inside.
    assert len(service.predict([blank_but(1), blank_but(0.5)])) == 2


def test_several_models_and_their_versions(service):
    for name, version in (("mnist", "100"), ("moving", "1"), ("plain", "1")):
        status = {"model_version_status": [{"version": version, **AVAILABLE}]}
        for path in (f"/v1/models/{name}", f"/v1/models/{name}/versions/{version}"):
            assert service.ask("GET", path) == (200, status)
        code, answer = service.ask("GET", f"/v1/models/{name}/versions/7")
        assert code == 404
        assert f"expected version {version}, which is loaded, found 7" in answer["error"]
    (digit,) = mnist_digits(95)
    body = {"instances": [digit]}
    answer = 200, {"predictions": service.predict([digit])}
    assert service.ask("POST", "/v1/models/mnist/versions/100:predict", body) == answer
    assert service.ask("POST", "/v1/models/plain:predict", body) == answer
    assert service.ask("POST", "/v1/models/mnist/versions/99:predict", body)[0] == 404
    assert service.ask("GET", "/health") == (200, {"status": "ok"})


IMAGE_EXPECTED = "expected 28 rows of 28 numbers, found"
PIXEL_EXPECTED = r"expected a number from 0 \(paper\) to 1 \(ink\), found"
LAST_PIXEL = f"instance 1, row 27, column 27: {PIXEL_EXPECTED}"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "expected JSON, found something else"),
        (b"digits", "expected JSON, found something else"),
        (bytes(range(256)), "expected JSON"),
        (b"[" * 100_000, "expected JSON"),
        (json.dumps({"instances": [BLANK]}).encode()[:-9], "expected JSON"),
        ([], r'expected an object such as \{"instances": \[...\]\}, found an empty list'),
        ({}, 'expected the key "instances", found an empty object'),
        ({"inputs": [BLANK]}, 'expected the key "instances", found an object with "inputs"'),
        ({"instances": [BLANK], "inputs": []}, 'expected no key but .*found an object with "inp'),
        ({"instances": []}, "expected a list of at least one instance, found an empty list"),
        ({"instances": {"image": BLANK}}, 'expected a list of .*found an object with "image"'),
        ({"instances": [BLANK], "signature_name": "other"}, 'expected .*default", found "other"'),
        ({"instances": [BLANK, None]}, f"instance 1: {IMAGE_EXPECTED} null"),
        ({"instances": [BLANK, BLANK[1:]]}, f"instance 1: {IMAGE_EXPECTED} a list of 27"),
        ({"instances": [BLANK, [*BLANK, BLANK[0]]]}, f"instance 1: {IMAGE_EXPECTED} a list of 29"),
        ({"instances": [{"image": {}}]}, f"instance 0: {IMAGE_EXPECTED} an empty object"),
        ({"instances": [{"pixels": BLANK}]}, 'instance 0: expected the key "image", found an obj'),
        ({"instances": [{"image": BLANK, "key": 1}]}, 'instance 0: expected "image" alone, found'),
        ({"instances": [BLANK, {"image": BLANK}]}, "instance 1: expected a list, as the instan"),
        ({"instances": [{"image": BLANK}, BLANK]}, 'instance 1: expected an object with "image"'),
        ({"instances": [[0] * 784]}, "instance 0, row 0: expected a row of 28 numbers, found 0"),
        ({"instances": [[*BLANK[1:], [0] * 27]]}, "instance 0, row 27: .* found a list of 27"),
        ({"instances": [BLANK, blank_but([0])]}, f"{LAST_PIXEL} a list of 1"),
        ({"instances": [BLANK, blank_but("0.5")]}, f'{LAST_PIXEL} "0.5"'),
        ({"instances": [BLANK, blank_but("x" * 9999)]}, f'{LAST_PIXEL} "x+...'),
        ({"instances": [BLANK, blank_but(True)]}, f"{LAST_PIXEL} true"),
        ({"instances": [BLANK, blank_but(None)]}, f"{LAST_PIXEL} null"),
        ({"instances": [BLANK, blank_but(math.nan)]}, f"{LAST_PIXEL} NaN"),
        ({"instances": [BLANK, blank_but(math.inf)]}, f"{LAST_PIXEL} Infinity"),
        ({"instances": [BLANK, blank_but(-0.1)]}, f"{LAST_PIXEL} -0.1"),
        ({"instances": [BLANK, blank_but(255)]}, f"{LAST_PIXEL} 255; divide by 255"),
        ({"instances": [BLANK, blank_but(10**400)]}, f"{LAST_PIXEL} 1000"),
    ],
)
def test_what_is_wrong_is_told(service, body, message):
    status, answer = service.ask("POST", PREDICT, body)
    assert status == 400
    assert list(answer) == ["error"]
    assert re.match(message, answer["error"]), answer
    assert len(answer["error"]) < 200
    assert len(service.predict([BLANK])) == 1


def test_a_million_mistakes_take_no_longer_than_one(service):
    body = b'{"instances": [' + b",".join([b"[" + b",".join([b"[[]]"] * 28) + b"]"] * 9000) + b"]}"
    assert 1e6 < len(body) < LARGEST_BODY
    began = time.monotonic()
    assert service.ask("POST", PREDICT, body)[0] == 400
    assert time.monotonic() - began < 5


def test_a_hundred_thousand_keys_take_no_longer_than_one(service):
    keys = b",".join(b'"%d":0' % number for number in range(130_000))
    body = b'{"instances":[],' + keys + b"}"
    assert 1e6 < len(body) < LARGEST_BODY
    began = time.monotonic()
    status, answer = service.ask("POST", PREDICT, body)
    assert time.monotonic() - began < 5
    assert status == 400
    assert re.search(r'no keys but "instances", .* found 130,00\d others', answer["error"])


def test_a_model_without_an_answer_is_told(service):
    assert service.predict([BLANK], "faulty")[0]["probabilities"] == [0.1] * 10
    body = {"instances": [BLANK, blank_but(0.25)]}
    status, answer = service.ask("POST", "/v1/models/faulty:predict", body)
    assert status == 500
    assert "model faulty, version 1: expected probabilities, found NaN" in answer["error"]


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        (
            "POST",
            "/v1/models/other:predict",
            404,
            r"models: mnist, moving, plain, faulty\), found POST /v1",
        ),
        ("GET", "/v1/models/other", 404, "expected a path of /openapi.json"),
        ("GET", "/v1/models/mnist/metadata", 404, "expected a path of /openapi.json"),
        ("POST", "/v1/models/mnist:classify", 404, "found POST /v1/models/mnist:classify"),
        ("GET", "/%00%ff", 404, "expected a path"),
        ("GET", PREDICT, 405, "expected POST, found GET /v1/models/mnist:predict"),
        ("DELETE", "/v1/models/mnist", 405, "expected GET, found DELETE"),
        ("POST", f"/v1/models/mnist/versions/{'9' * 9999}:predict", 404, "found 9{40}$"),
    ],
)
def test_what_is_not_there_is_told(service, method, path, status, message):
    code, answer = service.ask(method, path, {"instances": [BLANK]})
    assert code == status
    assert re.search(message, answer["error"]), answer


def test_a_large_body_is_refused_whether_it_tells_its_size_or_not(service):
    blanks = b" " * (LARGEST_BODY - 1)
    assert service.ask("POST", PREDICT, blanks + b"x")[0] == 400
    for body in (blanks + b"xx", iter([blanks, b"xx"]), iter([b" " * 100_000] * 100)):
        status, answer = service.ask("POST", PREDICT, body)
        assert status == 413
        assert "expected a body of at most 1,500,000 bytes, found at least 1," in answer["error"]
    # As many digits as fit are one request.
    many = {"instances": [BLANK] * 600}
    assert len(service.ask("POST", PREDICT, many)[1]["predictions"]) == 600


def test_who_hangs_up_disturbs_nobody(service):
    address = service.connect()
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n".encode()
    for sent in (b"", b"POST", head, head + b"{"):
        with socket.create_connection((address.host, address.port)) as caller:
            caller.sendall(sent)
    assert len(service.predict([BLANK])) == 1
    assert service.complained() == ""


def test_requests_at_the_same_time_get_their_own_answers(service):
    digits = mnist_digits(*range(60))
    alone = [service.predict([digit])[0] for digit in digits]

    def predict(part):
        return service.predict(digits[part])

    parts = [slice(start, start + size) for size in (1, 2, 7) for start in range(0, 60, size)]
    with ThreadPoolExecutor(20) as pool:
        for part, together in zip(parts, pool.map(predict, parts), strict=True):
            assert len(together) == len(alone[part])
            for one, other in zip(together, alone[part], strict=True):
                assert one["classes"] == other["classes"]
                assert np.allclose(one["probabilities"], other["probabilities"], atol=1e-6)


def test_a_new_version_is_taken_up_without_dropping_a_request(service, tmp_path):
    export_constant(2, tmp_path / "2")
    export_constant(3, tmp_path / "3")
    ended, answered, failed = threading.Event(), [], []

    def keep_asking():
        connection = service.connect()
        mine = []
        answered.append(mine)
        body = {"instances": [BLANK]}
        try:
            while not ended.is_set():
                status, answer = ask(connection, "POST", "/v1/models/moving:predict", body)
                assert status == 200, answer
                mine.append(answer["predictions"][0]["classes"])
        except Exception as problem:
            failed.append(problem)

    def reads(digit):
        return lambda: service.predict([BLANK], "moving")[0]["classes"] == digit

    def told(text):
        return lambda: text in service.said() + service.complained()

    asking = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in asking:
        thread.start()
    try:
        # A version that is copied slowly, its graph before its variables.
        new = service.moving / "2"
        new.mkdir()
        shutil.copy(tmp_path / "2" / "saved_model.pb", new)
        wait_for(told("moving: version 2 can't be served ("))
        assert reads(1)()
        shutil.copytree(tmp_path / "2", new, dirs_exist_ok=True)
        wait_for(reads(2))
        # One that is moved there as a whole; and then one that is no model.
        (tmp_path / "3").rename(service.moving / "3")
        wait_for(reads(3))
        (service.moving / "4").mkdir()
        (service.moving / "4" / "saved_model.pb").write_bytes(b"nothing")
        wait_for(told("moving: version 4 can't be served ("))
        (service.moving / "4" / "saved_model.pb").write_bytes(b"nothing else")
        # Taken away again: back to what is left.
        shutil.rmtree(service.moving / "3")
        wait_for(lambda: failed or all(mine[-1:] == [2] for mine in answered))
    finally:
        ended.set()
        for thread in asking:
            thread.join()
    assert failed == []
    for mine in answered:
        assert [one for one, next_one in pairwise([*mine, None]) if one != next_one] == [1, 2, 3, 2]
    status = service.ask("GET", "/v1/models/moving")[1]["model_version_status"]
    assert [each["version"] for each in status] == ["2"]
    assert service.said().splitlines()[1:] == [
        "moving: version 2 in place of 1",
        "moving: version 3 in place of 2",
        "moving: version 2 in place of 3",
    ]
    complaints = service.complained().splitlines()
    assert [re.match(r"moving: version (\d) can't", line)[1] for line in complaints] == ["2", "4"]
    assert all(len(line) < 400 for line in complaints)
    shutil.rmtree(service.moving / "4")


def test_its_description_is_true(service, tmp_path):
    report = tmp_path / "report.har"
    phases = ("--phases=coverage,fuzzing", "--max-examples=3", "--seed=1", "--no-color")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", service.url + "/openapi.json"),
            *(*phases, "--include-path-regex=mnist|health"),
            *("--report=har", f"--report-har-path={report}"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    entries = json.loads(report.read_text())["log"]["entries"]
    asked = [(each["request"]["url"], each["response"]["status"]) for each in entries]
    answers = {status for url, status in asked if url.endswith(PREDICT)}
    assert answers == {200, 400, 405}
    assert len(asked) > 100


def test_two_thousand_requests_right_and_wrong(service):
    seen, memory = soak(service, "mnist", 2000)
    assert sum(seen.values()) == 2000
    assert [key for key in seen if key[1] != key[2]] == []
    assert {status for _, _, status in seen} == {200, 400, 404, 405, 413}
    assert memory[-1] - memory[0] < FLAT


def test_wrk_measures_it(service):
    body = json.dumps({"instances": mnist_digits(5)})
    for connections in (1, 10):
        rate, median, slowest = load(service.url, PREDICT, connections, 1, body)
        assert rate > 5
        assert 0 < median <= slowest
    with pytest.raises(AssertionError, match="Non-2xx"):
        load(service.url, PREDICT, 1, 1, "{}")


def test_at_vertex_and_sigterm(trained):
    """As a container there: the environment says what to do, and SIGTERM ends it in good order."""
    environment = {
        "AIP_HTTP_PORT": "0",
        "AIP_STORAGE_URI": str(trained),
        "AIP_PREDICT_ROUTE": "/v1/endpoints/1/deployedModels/2:predict",
        "AIP_HEALTH_ROUTE": "/alive",
    }
    with serving(environment=environment) as service:
        assert re.fullmatch(
            r"serving mnist \(version 100\) at http://0\.0\.0\.0:\d+/\n", service.said()
        )
        assert service.ask("GET", "/alive") == (200, {"status": "ok"})
        body = json.dumps({"instances": mnist_digits(5)}).encode()
        answer = service.ask("POST", environment["AIP_PREDICT_ROUTE"], body)
        assert answer == service.ask("POST", PREDICT, body)
        assert answer[1]["predictions"][0]["classes"] == 1
        idle, late = service.connect(), service.connect()
        assert ask(idle, "GET", "/health")[0] == 200
        late.putrequest("POST", PREDICT)
        late.putheader("Content-Length", str(len(body)))
        late.endheaders(body[:-1])
        assert service.ask("GET", "/health")[0] == 200  # and the request above has begun
        service.process.send_signal(signal.SIGTERM)
        wait_for(lambda: not can_connect(service))
        late.send(body[-1:])
        response = late.getresponse()
        assert (response.status, json.loads(response.read())) == answer
        assert service.process.wait(PATIENCE) == 0
        assert service.said().count("\n") == 1
        assert service.complained() == ""


def can_connect(service):
    connection = service.connect()
    try:
        connection.connect()
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()
    return True


def test_what_cannot_be_served_ends_with_one_message(trained):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "serve.py", "--model", trained, "--port", str(port)],
            cwd=MLENGINE,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: can't listen at 127.0.0.1, port {port} (")
    assert done.stderr.count("\n") == 1


def test_a_host_that_can_be_none_is_told_too():
    with pytest.raises(UsageError, match=r"can't listen at a\.\.b, port 0 \(.+\); choose"):
        serve.reserved("a..b", 0)


@pytest.mark.parametrize(
    ("flags", "environment", "message"),
    [
        ((), {}, "expected a model, found none"),
        (("--model=/nowhere",), {}, "--model /nowhere: expected a folder, found nothing"),
        (("--model=a=/nowhere",), {}, "--model /nowhere: expected a folder, found nothing"),
        ((f"--model={__file__}",), {}, "expected a folder, found a file"),
        ((), {"AIP_STORAGE_URI": "/nowhere"}, "/nowhere: expected a folder, found nothing"),
        (("--model=/tmp", "--model=mnist=/tmp"), {}, "the name mnist is taken"),
        (("--model=/tmp", "--port=many"), {}, "--port: expected a port from 0 to 65535, found ma"),
        (("--model=/tmp", "--port=65536"), {}, "--port: expected a port from 0 to 65535"),
        (("--model=/tmp",), {"AIP_HTTP_PORT": "x"}, "AIP_HTTP_PORT: expected a port"),
        (("--model=/tmp",), {"AIP_PREDICT_ROUTE": "a"}, "AIP_PREDICT_ROUTE: expected a path"),
        (("--model=/tmp",), {"AIP_HEALTH_ROUTE": "/{a}"}, "AIP_HEALTH_ROUTE: expected a path"),
    ],
)
def test_a_wrong_wish_is_refused(flags, environment, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        serve.parse(flags, environment)


def test_flags_win_over_the_environment(tmp_path):
    one, other = tmp_path / "one=1", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    vertex = {"AIP_HTTP_PORT": "8080", "AIP_STORAGE_URI": str(other), "AIP_PREDICT_ROUTE": "/a"}
    assert serve.parse([], {"AIP_STORAGE_URI": "gs://b/m"})[:3] == (
        {"mnist": "gs://b/m"},
        "127.0.0.1",
        8501,
    )
    assert serve.parse([], vertex) == ({"mnist": str(other)}, "0.0.0.0", 8080, "/a", None)
    flags = [f"--model={one}", f"--model=b={other}", "--port=1", "--host=::1"]
    models = {"mnist": str(one), "b": str(other)}
    assert serve.parse(flags, vertex) == (models, "::1", 1, "/a", None)


class Wrong(Softmax):
    """Models that can be loaded, but are not what the trainer exports."""

    @tf.function(input_signature=[tf.TensorSpec([None, 784], tf.float32, name="image")])
    def flat(self, image):
        return {"classes": tf.argmax(image, axis=1), "probabilities": image}

    @tf.function(input_signature=[IMAGE])
    def named_otherwise(self, image):
        return {"logits": image}

    @tf.function(input_signature=[IMAGE])
    def nan(self, image):
        rows = tf.reduce_sum(image, axis=[1, 2])[:, tf.newaxis]
        return {"classes": tf.argmax(rows, axis=1), "probabilities": tf.tile(rows, [1, 10]) / 0}

    @tf.function(input_signature=[IMAGE])
    def two_classes(self, image):
        rows = tf.reduce_sum(image, axis=1)[:, :2]
        return {"classes": tf.argmax(rows, axis=1), "probabilities": rows}


@pytest.mark.parametrize(
    ("read", "message"),
    [
        ("flat", r"found the input image float32 \(None, 784\)"),
        ("named_otherwise", "found the outputs logits"),
        ("nan", "expected probabilities, found NaN"),
        ("two_classes", r"found the shapes \[3\] and \[3, 2\]"),
    ],
)
def test_a_model_with_another_signature_is_not_served(tmp_path, read, message):
    model = Wrong()
    tf.saved_model.save(model, str(tmp_path), signatures={"serving_default": getattr(model, read)})
    with pytest.raises(UsageError, match=message):
        Model("mnist", str(tmp_path))


def test_a_folder_without_a_model_is_not_served(tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "saved_model").mkdir()
    with pytest.raises(UsageError, match=r"named 1, 2, ...; found: no such folder"):
        Model("mnist", str(tmp_path))
    (tmp_path / "7" / "saved_model.pb").write_bytes(b"nothing")
    with pytest.raises(UsageError, match=r"found: version 7 can't be served \("):
        Model("mnist", str(tmp_path))
    export(Softmax(), tmp_path / "6", signature="other")
    with pytest.raises(UsageError, match="expected the signature serving_default, found none"):
        Model("mnist", str(tmp_path))


def test_what_passes_is_tried_again(tmp_path, monkeypatch, caplog):
    """A bucket that is out of reach for a moment, which only a bucket's own library can say."""
    export_constant(1, tmp_path / "1")
    model = Model("mnist", str(tmp_path))
    export_constant(2, tmp_path / "2")
    load, failures = tf.saved_model.load, []

    def fail_twice(folder):
        if len(failures) == 2:
            return load(folder)
        failures.append(folder)
        raise tf.errors.UnavailableError(None, None, "the bucket does not answer")

    monkeypatch.setattr(tf.saved_model, "load", fail_twice)
    for _ in range(2):
        model.refresh()
    assert model.current.number == 1
    while model.current.number == 1:
        model.refresh()
        assert len(caplog.records) == 1
    assert "version 2 can't be served (UnavailableError: the bucket" in caplog.records[0].message


def test_the_highest_version_that_can_be_served_counts(tmp_path, caplog):
    export_constant(9, tmp_path / "9")
    export_constant(4, tmp_path / "10")
    (tmp_path / "11").mkdir()
    (tmp_path / "11" / "saved_model.pb").write_bytes(b"nothing")
    (tmp_path / ".unfinished-12").mkdir()
    model = Model("mnist", str(tmp_path))
    assert model.current.number == 10
    assert model.current.predict(np.zeros((2, 28, 28), np.float32))[0].tolist() == [4, 4]
    model.refresh()
    assert model.current.number == 10
    (record,) = caplog.records
    assert record.message.startswith("mnist: version 11 can't be served (")
    assert record.message.endswith("); version 10 is")
