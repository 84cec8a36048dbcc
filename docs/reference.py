#!/usr/bin/env python3
"""Writes docs/API.md from the comments of proto/cloudless/api/*.proto. `--check` only says whether it is up to date."""
import pathlib
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "API.md"
ORDER = ["coordinator_service", "agent_service", "workload", "node", "event", "stream", "secret", "usage", "rollout", "placement"]
SCALARS = {v: k[5:].lower() for k, v in descriptor_pb2.FieldDescriptorProto.Type.items()}


def load():
    with tempfile.NamedTemporaryFile(suffix=".pb") as out:
        files = [f"cloudless/api/{name}.proto" for name in ORDER]
        subprocess.run(["protoc", f"-I{ROOT / 'proto'}", "--include_source_info", f"--descriptor_set_out={out.name}", *files], check=True)
        return descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(out.name).read_bytes())


class Page:
    """One .proto file as Markdown."""

    def __init__(self, file):
        self.file, self.lines = file, []
        self.comments = {tuple(l.path): (l.leading_comments or l.trailing_comments) for l in file.source_code_info.location}
        self.heads = {tuple(l.path): l for l in file.source_code_info.location}

    def comment(self, *path):
        return " ".join(self.comments.get(path, "").split())

    def out(self, text=""):
        self.lines.append(text)

    def render(self):
        head = self.heads.get((12,))
        intro = [*head.leading_detached_comments, head.leading_comments] if head else []
        self.out(f"## {self.file.name}")
        self.out()
        self.out(" ".join(" ".join(intro).split()))
        for i, service in enumerate(self.file.service):
            self.service(service, (6, i))
        for i, message in enumerate(self.file.message_type):
            self.message(message, (4, i), "")
        for i, enum in enumerate(self.file.enum_type):
            self.enum(enum, (5, i), "")
        return "\n".join(self.lines) + "\n"

    def service(self, service, path):
        self.out(f"\n### service {service.name}\n")
        self.out(self.comment(*path) + "\n")
        self.out("| call | takes | answers | |\n|---|---|---|---|")
        for i, method in enumerate(service.method):
            stream = "stream of " if method.server_streaming else ""
            given = "stream of " if method.client_streaming else ""
            self.out(f"| **{method.name}** | {given}{short(method.input_type)} | {stream}{short(method.output_type)} | {self.comment(*path, 2, i)} |")

    def message(self, message, path, prefix):
        if message.options.map_entry:
            return
        name = prefix + message.name
        self.out(f"\n### {name}\n")
        self.out(self.comment(*path) + "\n")
        if message.field:
            self.out("| field | type | |\n|---|---|---|")
        for i, field in enumerate(message.field):
            self.out(f"| `{field.name}` | {field_type(message, field)} | {self.comment(*path, 2, i)} |")
        for i, nested in enumerate(message.nested_type):
            self.message(nested, (*path, 3, i), name + ".")
        for i, enum in enumerate(message.enum_type):
            self.enum(enum, (*path, 4, i), name + ".")

    def enum(self, enum, path, prefix):
        self.out(f"\n### enum {prefix}{enum.name}\n")
        self.out(self.comment(*path) + "\n")
        self.out("| value | |\n|---|---|")
        for i, value in enumerate(enum.value):
            self.out(f"| `{value.name}` = {value.number} | {self.comment(*path, 2, i)} |")


def short(type_name):
    return type_name.removeprefix(".cloudless.api.").removeprefix(".")


def field_type(message, field):
    entry = next((n for n in message.nested_type if n.options.map_entry and field.type_name.endswith("." + n.name)), None)
    if entry:
        return f"map of {field_type(message, entry.field[0])} to {field_type(message, entry.field[1])}"
    name = short(field.type_name) or SCALARS[field.type]
    if field.label == field.LABEL_REPEATED:
        return f"list of {name}"
    return f"{name}, optional" if field.proto3_optional else name


def main():
    files = {f.name: f for f in load().file}
    text = "# API reference\n\nMade from the comments of `proto/cloudless/api` by `docs/reference.py`; do not edit.\n\n"
    text += "\n".join(Page(files[f"cloudless/api/{name}.proto"]).render() for name in ORDER)
    if "--check" in sys.argv:
        if not OUT.exists() or OUT.read_text() != text:
            sys.exit("docs/API.md is not what the protos' comments say: run ./dev fmt")
        return
    OUT.write_text(text)


if __name__ == "__main__":
    main()
