"""The release, of binaries that Bazel built."""

load("@rules_go//go:def.bzl", "go_cross_binary")

PROGRAMS = {"hotpath": "//server", "loadgen": "//loadgen"}

PLATFORMS = ["linux/amd64", "linux/arm64", "darwin/arm64"]

def _release_impl(ctx):
    out = ctx.actions.declare_directory(ctx.label.name)
    args = ctx.actions.args()
    args.add("-o", out.path)
    binaries = []
    for binary, name in ctx.attr.binaries.items():
        file = binary.files.to_list()[0]
        binaries.append(file)
        args.add("-binary", file, format = name + "=%s")
    ctx.actions.run_shell(
        command = """
while read -r key value; do
  case $key in
    STABLE_VERSION) version=$value ;;
    STABLE_REVISION) revision=$value ;;
    STABLE_EPOCH) export SOURCE_DATE_EPOCH=$value ;;
  esac
done <"$2"
if [ -z "$version" ]; then
  echo "the release has no version: build it with --config=release" >&2
  exit 1
fi
dist=$1
shift 2
exec "$dist" -version "$version" -revision "$revision" "$@"
""",
        arguments = [ctx.executable._dist.path, ctx.info_file.path, args],
        inputs = binaries + ctx.files.documents + [ctx.info_file],
        outputs = [out],
        tools = [ctx.attr._dist[DefaultInfo].files_to_run],
        mnemonic = "Release",
        progress_message = "Packing the release",
    )
    return [DefaultInfo(files = depset([out]))]

_release = rule(
    implementation = _release_impl,
    attrs = {
        "binaries": attr.label_keyed_string_dict(
            doc = "Each with its name for dist: OS/ARCH/PROGRAM.",
            cfg = "target",
        ),
        "documents": attr.label_list(allow_files = True),
        "_dist": attr.label(default = ":dist", executable = True, cfg = "exec"),
    },
)

def release(name, documents, **kwargs):
    """Packs both programs for every platform into the directory NAME.

    Args:
      name: of the target, and of the directory.
      documents: what the archives have beside the programs.
      **kwargs: what every rule takes.
    """
    binaries = {}
    for program, target in PROGRAMS.items():
        for platform in PLATFORMS:
            cross = "%s-%s" % (program, platform.replace("/", "-"))
            go_cross_binary(
                name = cross,
                platform = "@rules_go//go/toolchain:" + platform.replace("/", "_"),
                tags = ["manual"],
                target = target,
            )
            binaries[":" + cross] = platform + "/" + program
    _release(
        name = name,
        binaries = binaries,
        documents = documents,
        **kwargs
    )
