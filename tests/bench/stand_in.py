"""A gateway just good enough to put the bench through: a thread a request.

`python -m tests.bench.stand_in UPSTREAM_PORT [fault]` prints its port. With
the fault ``lossy`` it drops the last piece of every stream, with ``joining``
it puts two pieces into one event.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc

from bench.children import ROOT
from piecesd._pb.gpt_pb2 import GptMessage, GptRequest, GptResponse
from piecesd._pb.gpt_pb2_grpc import GPTInferenceServiceStub


class Gateway(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    stub: GPTInferenceServiceStub
    fault = ""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        message = GptMessage(role=1, text=f"user:{body['messages'][-1]['content']};\r\n")
        request = GptRequest(model=body["model"], messages=[message])
        if body["stream"]:
            self._stream(self._texts(self.stub.PredictWithStream(request)))
        else:
            self._answer(self.stub.Predict(request).body.choice.message.text)

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def _texts(self, replies: Iterator[GptResponse]) -> Iterator[str]:
        texts = (reply.body.choice.message.text for reply in replies if reply.response_code == 200)
        if self.fault == "lossy":
            return iter(list(texts)[:-1])
        if self.fault == "joining":
            return iter([left + right for left, right in zip(texts, texts, strict=True)])
        return texts

    def _answer(self, text: str) -> None:
        body = json.dumps({"choices": [{"message": {"content": text}}]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, texts: Iterator[str]) -> None:
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for text in texts:
            self._event(json.dumps({"choices": [{"delta": {"content": text}}]}))
        self._event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, data: str) -> None:
        event = f"data: {data}\n\n".encode()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))


@contextmanager
def started_stand_in(upstream_port: int, *faults: str) -> Iterator[tuple[int, str]]:
    """Run it as a process of its own; gives its process id and its base URL."""
    gateway = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.stand_in", str(upstream_port), *faults],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert gateway.stdout is not None
    try:
        yield gateway.pid, f"http://127.0.0.1:{int(gateway.stdout.readline())}/v1"
    finally:
        gateway.kill()
        gateway.wait()
        gateway.stdout.close()


def main() -> None:
    upstream_port, *faults = sys.argv[1:]
    Gateway.stub = GPTInferenceServiceStub(grpc.insecure_channel(f"127.0.0.1:{upstream_port}"))
    Gateway.fault = "".join(faults)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
