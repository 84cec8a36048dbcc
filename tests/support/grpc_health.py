#!/usr/bin/env python3
"""A server of grpc.health.v1 that knows one service: grpc_health.py PORT SERVICE FILE. It is SERVING while FILE is there.

Ends with its standard input, so that it never outlives the test that started it.
"""
import concurrent.futures
import os
import sys

import grpc

SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"  # HealthCheckResponse


class Health(grpc.GenericRpcHandler):
    def __init__(self, service, file):
        self.request = b"\x0a" + bytes([len(service)]) + service.encode()  # HealthCheckRequest
        self.file = file

    def service(self, call):
        return grpc.unary_unary_rpc_method_handler(self.check) if call.method == "/grpc.health.v1.Health/Check" else None

    def check(self, request, context):
        if request != self.request:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return SERVING if os.path.exists(self.file) else NOT_SERVING


def main():
    port, service, file = sys.argv[1:]
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), handlers=[Health(service, file)])
    if not server.add_insecure_port(f"0.0.0.0:{port}"):
        sys.exit(f"port {port} is taken")
    server.start()
    print("serving", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
