#!/usr/bin/env python3
"""Makes a small OCI image (a tar for `ctr images import`) from Debian's busybox-static; needs no registry and no library.

usage: make_image.py OUTPUT.tar IMAGE-REFERENCE ENTRY-SCRIPT [--user=USER] [--file=PATH:MODE:SOURCE] [--link=PATH:TARGET] [NAME=VALUE ...]

The image has busybox with all of its commands, /etc/passwd, /etc/hosts, /tmp, and the script as its entry point
(/entry.sh, run by sh). NAME=VALUE become environment variables of the image, USER who it runs as. --file and --link add to a
second layer, over what is there: a file of this machine with octal permissions, a symbolic link. The same input makes the same image.
"""
import hashlib
import io
import json
import platform
import subprocess
import sys
import tarfile

BUSYBOX = "/bin/busybox"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64"}


def add(archive, name, data=b"", mode=0o644, kind=tarfile.REGTYPE, link=""):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.type, entry.linkname = len(data), mode, kind, link
    archive.addfile(entry, io.BytesIO(data))


def root_file_system(script):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for folder, mode in (("bin", 0o755), ("etc", 0o755), ("tmp", 0o1777), ("root", 0o700), ("proc", 0o555),
                             ("sys", 0o555), ("dev", 0o755), ("run", 0o755)):
            add(archive, folder, mode=mode, kind=tarfile.DIRTYPE)
        with open(BUSYBOX, "rb") as busybox:
            add(archive, "bin/busybox", busybox.read(), 0o755)
        applets = subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split()
        for applet in sorted(set(applets) - {"busybox"}):
            add(archive, "bin/" + applet, kind=tarfile.SYMTYPE, link="busybox", mode=0o777)
        add(archive, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")
        add(archive, "etc/group", b"root:x:0:\nnogroup:x:65534:\n")
        add(archive, "etc/hosts", b"127.0.0.1 localhost\n")
        add(archive, "entry.sh", script, 0o755)
    return out.getvalue()


def more_files(files, links):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, mode, source in (f.split(":", 2) for f in files):
            with open(source, "rb") as content:
                add(archive, path.lstrip("/"), content.read(), int(mode, 8))
        for path, target in (l.split(":", 1) for l in links):
            add(archive, path.lstrip("/"), kind=tarfile.SYMTYPE, link=target, mode=0o777)
    return out.getvalue()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def descriptor(media_type, data, **more):
    return {"mediaType": "application/vnd.oci.image." + media_type, "digest": digest(data), "size": len(data), **more}


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    output, reference, script_path = sys.argv[1:4]
    options = {name: [a.partition("=")[2] for a in sys.argv[4:] if a.startswith(f"--{name}=")] for name in ("user", "file", "link")}
    with open(script_path, "rb") as script:
        layers = [root_file_system(script.read())]
    if options["file"] or options["link"]:
        layers.append(more_files(options["file"], options["link"]))
    machine = {"architecture": ARCHITECTURES.get(platform.machine(), platform.machine()), "os": "linux"}
    config = json.dumps({
        **machine,
        "config": {"Env": ["PATH=/bin"] + [a for a in sys.argv[4:] if not a.startswith("--")],
                   "Entrypoint": ["/bin/sh", "/entry.sh"], "WorkingDir": "/", "User": "".join(options["user"])},
        "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
    }).encode()
    manifest = json.dumps({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("config.v1+json", config),
        "layers": [descriptor("layer.v1.tar", layer) for layer in layers],
    }).encode()
    names = {"io.containerd.image.name": reference, "org.opencontainers.image.ref.name": reference.rpartition(":")[2]}
    index = json.dumps({
        "schemaVersion": 2,
        "manifests": [descriptor("manifest.v1+json", manifest, annotations=names, platform=machine)],
    }).encode()
    with tarfile.open(output, "w", format=tarfile.PAX_FORMAT) as archive:
        add(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        add(archive, "index.json", index)
        for blob in (config, manifest, *layers):
            add(archive, "blobs/sha256/" + hashlib.sha256(blob).hexdigest(), blob)
    print(reference)


if __name__ == "__main__":
    main()
