"""What every claimsmith plugin in Python needs, whatever it judges: the handshake
of go-plugin, its health and its end, and the service of plugin.proto.

A plugin is an object with name, version, kinds and authenticate, and optionally
configure, refresh and lookup. They are called by many threads at once, and return
an identity, as a dict, or raise Unknown, Denied, or anything else, which means
that the plugin cannot tell."""

import json
import os
import sys
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import grpc

import plugin_pb2 as pb
from certificate import self_signed

MAX_CLAIMS = 256 << 10  # bytes of JSON
MAX_MESSAGE = 1 << 20


class Unknown(Exception):
    """No such principal here; the next plugin is asked."""


class Denied(Exception):
    """It is here and may not come in: invalid, locked, disabled, expired, must_change."""


def serve(plugin):
    """Runs until the host asks the process to end."""
    env = os.environ
    if env.get("CLAIMSMITH_PLUGIN") != "claimsmith.plugin.v1":
        sys.exit("this is a plugin of claimsmith, which starts it\nhint: claimsmith plugin test")
    if "1" not in env.get("PLUGIN_PROTOCOL_VERSIONS", "").split(","):
        sys.exit("the host does not speak protocol version 1")
    limits = [("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)]
    server = grpc.server(ThreadPoolExecutor(32), options=limits)
    server.add_generic_rpc_handlers((service(plugin), *go_plugin(server)))
    socket = os.path.join(env["PLUGIN_UNIX_SOCKET_DIR"], "plugin")
    certificate = listen(server, "unix:" + socket, env.get("PLUGIN_CLIENT_CERT"))
    server.start()
    print(f"1|1|unix|{socket}|grpc|{certificate}", flush=True)
    server.wait_for_termination()


def listen(server, address, host):
    """Returns our certificate for the handshake. With one of the host's (AutoMTLS)
    each side trusts the other's and no other."""
    if not host:
        server.add_insecure_port(address)
        return ""
    key, pem, der = self_signed("localhost")
    server.add_secure_port(address, grpc.ssl_server_credentials([(key, pem)], host.encode(), require_client_auth=True))
    return b64encode(der).decode().rstrip("=")


def go_plugin(server):
    """What go-plugin's hosts call beside the plugin's own service."""

    def check(_, context):
        return b"\x08\x01"  # status: SERVING

    def shutdown(_, context):
        server.stop(grace=2)
        return b""

    for name, method in (("grpc.health.v1.Health", check), ("plugin.GRPCController", shutdown)):
        yield grpc.method_handlers_generic_handler(name, {method.__name__.title(): grpc.unary_unary_rpc_method_handler(method)})


def service(plugin):
    """The service of plugin.proto over a plugin."""
    abilities = [a for a in ("configure", "refresh", "lookup") if hasattr(plugin, a)]

    def describe(_):
        return pb.DescribeResponse(name=plugin.name, version=plugin.version, kinds=plugin.kinds, abilities=abilities)

    def configure(request):
        try:
            plugin.configure(json.loads(request.config))
        except Exception as e:
            return pb.ConfigureResponse(error=str(e) or type(e).__name__)
        return pb.ConfigureResponse()

    def authenticate(request):
        credential = request.credential
        if credential.kind not in plugin.kinds:
            raise Unknown
        if not credential.secret or credential.kind == "password" and not credential.username:
            raise Denied("invalid")
        return plugin.authenticate(request)

    methods = {
        "Describe": (describe, pb.DescribeRequest, pb.DescribeResponse),
        "Configure": (configure, pb.ConfigureRequest, pb.ConfigureResponse),
        "Authenticate": (outcome(authenticate), pb.AuthenticateRequest, pb.Outcome),
        "Refresh": (outcome(lambda r: plugin.refresh(r.identity)), pb.RefreshRequest, pb.Outcome),
        "Lookup": (outcome(lambda r: plugin.lookup(r.name)), pb.LookupRequest, pb.Outcome),
    }
    return grpc.method_handlers_generic_handler("claimsmith.plugin.v1.Plugin", {
        name: grpc.unary_unary_rpc_method_handler(lambda r, _, ask=ask: ask(r), takes.FromString, gives.SerializeToString)
        for name, (ask, takes, gives) in methods.items()
    })


def outcome(ask):
    """Makes an outcome of what ask returns or raises. The message of an error may
    hold a secret, its type does not."""

    def answer(request):
        try:
            return pb.Outcome(identity=identity(**ask(request)))
        except Unknown:
            failure = pb.Failure(kind=pb.Failure.UNKNOWN)
        except Denied as e:
            failure = pb.Failure(kind=pb.Failure.DENIED, reason=str(e))
        except Exception as e:
            failure = pb.Failure(kind=pb.Failure.UNAVAILABLE, detail=where(e))
        return pb.Outcome(failure=failure)

    return answer


def where(error):
    at = error.__traceback__
    while at.tb_next:
        at = at.tb_next
    return f"{type(error).__name__} in {os.path.basename(at.tb_frame.f_code.co_filename)}:{at.tb_lineno}"


def identity(claims=None, scopes=None, audience=None, **rest):
    encoded = json.dumps(claims).encode() if claims else b""
    if len(encoded) > MAX_CLAIMS:
        raise ValueError("the claims are too large")
    listed = {name: pb.StringList(values=values) for name, values in (("scopes", scopes), ("audience", audience)) if values is not None}
    return pb.Identity(claims=encoded, **listed, **rest)  # a list that is left out does not bound
