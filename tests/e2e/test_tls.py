"""The API behind TLS with certificates of clients, and everybody whom it must refuse."""
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import tempfile

import grpc

from client import ClusterTest, wait_until
from cluster import BUILD, ROOT, free_port
from machines import Machines

CTL = BUILD / "services/cloudlessctl/cloudlessctl"


class Certificates:
    """A folder of <name>.pem and <name>.key: those that docs/SECURITY.md makes (authority ca, server api, person ann), and worse ones."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        text = (ROOT / "docs/SECURITY.md").read_text()
        commands = re.search(r"```sh\n(openssl req -x509 .*?)```", text, re.DOTALL)[1]
        subprocess.run(["sh", "-ec", commands.replace("192.0.2.10", "127.0.0.1")], cwd=folder, check=True, capture_output=True)
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=theirs", "-keyout", "theirs.key", "-out", "theirs.pem")

    def openssl(self, *words):
        subprocess.run(["openssl", *map(str, words)], cwd=self.folder, check=True, capture_output=True)

    def __getitem__(self, file):
        return str(self.folder / file)

    def bytes(self, file):
        return (self.folder / file).read_bytes()

    def issue(self, authority, name, names, days=30):
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}", "-keyout", f"{name}.key",
                     "-out", f"{name}.csr")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-copy_extensions", "copy", "-days", days, "-CA", f"{authority}.pem",
                     "-CAkey", f"{authority}.key", "-CAcreateserial", "-out", f"{name}.pem")

    def of(self, name):
        """Options of cloudlessctl."""
        return ["--cert", self[f"{name}.pem"], "--key", self[f"{name}.key"]]


class Tls(ClusterTest):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="cloudless-certificates.")
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.made = made = Certificates(folder)
        made.issue("ca", "bob", "email:bob@example.org,DNS:bob")
        made.issue("ca", "late", "DNS:late", days=-1)
        made.issue("ca", "late-api", "IP:127.0.0.1", days=-1)
        made.issue("theirs", "stranger", "DNS:ann")
        cls.tls = ["--grpc-tls-certificate", made["api.pem"], "--grpc-tls-key", made["api.key"], "--grpc-tls-client-ca", made["ca.pem"]]
        cls.coordinator_options = cls.tls
        cls.ca = ["--ca", made["ca.pem"]]
        cls.ann = [*cls.ca, *made.of("ann")]
        cls.credentials = grpc.ssl_channel_credentials(made.bytes("ca.pem"), made.bytes("ann.key"), made.bytes("ann.pem"))
        super().setUpClass()
        cls.gateway = cls.start_gateway("gateway", *cls.tls)

    @classmethod
    def arrange(cls, cluster):
        cluster.client_options = cls.ann

    @classmethod
    def start_gateway(cls, name, *options, host="127.0.0.1"):
        port, http = free_port(), free_port()
        process = cls.cluster.start_other(name, "services/gateway/cloudless-gateway", "--coordinator", f"127.0.0.1:{cls.cluster.ports['ring']}",
                                          "--grpc-address", f"{host}:{port}", "--http-address", f"127.0.0.1:{http}",
                                          "--metrics-address", "off", *options)
        cls.cluster.wait_ready(process, http)
        return f"{host}:{port}"

    def run_ctl(self, *arguments, options=None, server=None, **more):
        options = self.ann if options is None else options
        return subprocess.run([CTL, "--server", server or self.cluster.server, *options, *arguments], capture_output=True, text=True,
                              timeout=60, check=False, **more)

    def ok(self, *arguments, **options):
        done = self.run_ctl(*arguments, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def commands(self, name):
        return [e.message for e in self.api.call("ListEvents", {"workload": name, "limit": 1000}).events if e.kind == "CommandRan"]

    # -- who may

    def test_a_workload_lives_through_tls_and_events_say_whose_certificate_it_was(self):
        manifest = """{apiVersion: cloudless.io/v1, kind: Workload, metadata: {name: secret}, spec: {image: "cloudless.local/hello:v1",
            replicas: 1, imagePullPolicy: NEVER, resources: {requests: {cpu: 10m, memory: 8Mi}}, terminationGracePeriodMs: 1000}}"""
        self.ok("workload", "apply", "-f", "-", "--wait", input=manifest)
        self.assertRegex(self.ok("workload", "list"), r"secret .*1/1")
        bob = [*self.ca, *self.made.of("bob")]
        for server in (self.cluster.server, self.gateway):
            for who, options in (("ann", self.ann), (r"bob@example\.org", bob)):
                before = len(self.commands("secret"))
                out = self.ok("exec", "-i", "secret", "--", "wc", "-c", options=options, server=server, input="x" * 300_000)
                self.assertEqual(out, "300000\n")
                ran = wait_until(lambda n=before: len(found := self.commands("secret")) == n + 1 and found, 10, "the event", pause=0.1)
                self.assertEqual(sum(bool(re.match(f'{who} ran "wc" "-c": exit code 0', line)) for line in ran),
                                 1 if server == self.cluster.server else 2, ran)
            logs = subprocess.Popen([CTL, "--server", server, *self.ann, "workload", "logs", "-f", "secret"],
                                    stdout=subprocess.PIPE, text=True)
            self.addCleanup(logs.stdout.close)
            try:
                self.assertIn("hello v1 serving", logs.stdout.readline())
                self.assertIsNone(logs.poll())
            finally:
                logs.kill()
                logs.wait()
        by_environment = {"CLOUDLESS_SERVER": self.gateway, "CLOUDLESS_CA": self.made["ca.pem"],
                          "CLOUDLESS_CERT": self.made["ann.pem"], "CLOUDLESS_KEY": self.made["ann.key"]}
        named = subprocess.run([CTL, "workload", "list"], env=by_environment, capture_output=True, text=True, timeout=60, check=False)
        self.assertIn("secret", named.stdout, named.stderr)
        self.ok("workload", "delete", "secret", "--wait")

    def test_an_address_of_the_network_is_served_and_talked_to_with_tls_alone(self):
        machines = Machines(0)
        self.addCleanup(machines.remove)
        server = self.start_gateway("open-gateway", *self.tls, host=machines.address)
        self.addCleanup(lambda: self.cluster.others.pop("open-gateway").stop())
        self.refused([], f"--server {server} is another machine: give --ca", code=2, server=server)
        self.refused(self.ann, f'is not for "{machines.address}" but for ', "IP Address:127.0.0.1", server=server)
        self.ok("node", "list", options=[*self.ann, "--server-name", "cloudless.example.org"], server=server)

    # -- who may not

    def refused(self, options, *words, code=6, server=None):
        for at in (server,) if server else (self.cluster.server, self.gateway):
            with self.subTest(words[0], at=at):
                done = self.run_ctl("workload", "list", options=options, server=at)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertEqual(done.stdout, "")
                for word in words:
                    self.assertIn(word, done.stderr)
                self.assertNotIn("PRIVATE KEY", done.stderr.replace("-----BEGIN PRIVATE KEY-----", ""))

    def test_clients_without_a_certificate_that_holds_are_refused_with_the_reason(self):
        self.refused([], "speaks TLS: give --ca")
        self.refused(self.ca, "wants a certificate of its clients: give --cert and --key", '"CN=our Cloudless"')
        self.refused([*self.ca, *self.made.of("stranger")], f"does not accept --cert {self.made['stranger.pem']}", 'of authority "CN=theirs"',
                     'must be one of authority "CN=our Cloudless"')
        self.refused([*self.ca, *self.made.of("late")], f"does not accept --cert {self.made['late.pem']}", "it was good until")

    def test_servers_that_are_not_who_they_should_be_are_not_talked_to(self):
        self.refused(["--ca", self.made["theirs.pem"]], f"has a certificate that --ca {self.made['theirs.pem']} does not vouch for", 'issuer "CN=our Cloudless"')
        self.refused([*self.ann, "--server-name", "web.example"], 'is not for "web.example" but for ', "DNS:cloudless.example.org",
                     "--server-name")
        late = self.start_gateway("late-gateway", "--grpc-tls-certificate", self.made["late-api.pem"], "--grpc-tls-key", self.made["late-api.key"])
        self.addCleanup(lambda: self.cluster.others.pop("late-gateway").stop())
        self.refused(self.ann, "has a certificate that is over", "was good until", server=late)

    def test_a_server_without_tls_is_not_talked_to_with_it(self):
        plain = self.start_gateway("plain-gateway")
        self.addCleanup(lambda: self.cluster.others.pop("plain-gateway").stop())
        self.refused(self.ann, "speaks plain text, and --ca asks for TLS", server=plain)
        self.ok("node", "list", options=[], server=plain)

    def test_what_cannot_be_used_is_said_before_anything_is_sent(self):
        made = self.made
        self.refused(["--ca", made["none.pem"]], f"--ca: {made['none.pem']} cannot be read: No such file", code=2)
        self.refused(["--ca", made["ca.key"]], f"--ca: {made['ca.key']} holds no certificate", code=2)
        self.refused([*self.ca, "--cert", made["ann.pem"]], "--cert needs --key", code=2)
        self.refused([*self.ca, "--cert", made["ann.pem"], "--key", made["late.key"]],
                     f"--key: {made['late.key']} is not the key of the certificate in {made['ann.pem']}", code=2)

    def test_old_tls_is_refused(self):
        def shake(version):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(self.made["ca.pem"])
            context.load_cert_chain(self.made["ann.pem"], self.made["ann.key"])
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            context.set_alpn_protocols(["h2"])
            context.minimum_version = context.maximum_version = version
            with socket.create_connection(("127.0.0.1", self.cluster.ports["grpc"]), timeout=20) as plain:
                with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                    return secure.version()
        self.assertEqual(shake(ssl.TLSVersion.TLSv1_2), "TLSv1.2")
        self.assertEqual(shake(ssl.TLSVersion.TLSv1_3), "TLSv1.3")
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                shake(version)

    # -- what is no server

    def start_fails(self, *options):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([BUILD / "services/coordinator/cloudless-coordinator", "--data-dir", f"{folder}/data",
                                   "--secret-file", f"{folder}/secret", "--http-address", "127.0.0.1:0", "--metrics-address", "off",
                                   "--link-address", "127.0.0.1:0", "--ring-address", "127.0.0.1:0", *options],
                                  capture_output=True, text=True, timeout=60, check=False)
        self.assertNotEqual(done.returncode, 0)
        return re.sub(r"\s+", " ", done.stdout + done.stderr)

    def test_a_server_whose_certificate_cannot_work_does_not_start(self):
        made, here = self.made, ("--grpc-address", "127.0.0.1:0")
        self.assertIn("grpc.address 0.0.0.0:0 is open to other machines: give grpc.tls_certificate",
                      self.start_fails("--grpc-address", "0.0.0.0:0"))
        for options, words in (((made["api.pem"], made["ann.key"]), f"grpc.tls_key: {made['ann.key']} is not the key of the certificate in "),
                               ((made["none.pem"], made["api.key"]), f"grpc.tls_certificate: {made['none.pem']} cannot be read"),
                               ((made["api.key"], made["api.key"]), f"grpc.tls_certificate: {made['api.key']} holds no certificate"),
                               (("/dev/zero", made["api.key"]), "grpc.tls_certificate: /dev/zero is larger than 1 MiB")):
            self.assertIn(words, self.start_fails(*here, "--grpc-tls-certificate", options[0], "--grpc-tls-key", options[1]))
        self.assertIn("grpc.tls_client_ca: ", self.start_fails(*here, *self.tls[:4], "--grpc-tls-client-ca", made["api.key"]))
