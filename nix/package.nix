# The server and the load generator, and the checks that need the same build.
#
# version is what both say of themselves. Their source has no documents, so
# that a change of those builds nothing; the checks read the whole tree,
# because tests follow what documents say. whole is false if pkgs is a stand-in
# for nixpkgs, without its list of licences and without nixfmt.
{
  lib,
  pkgs,
  version,
  whole,
}:
let
  # go.mod is the only source of versions: its "go 1.26.0" is go_1_26 here.
  goVersion = builtins.match ".*\ngo ([0-9]+)[.]([0-9]+).*" (builtins.readFile ../go.mod);
  go = pkgs."go_${lib.concatStringsSep "_" goVersion}";
  buildGoModule = pkgs."buildGo${lib.concatStringsSep "" goVersion}Module";

  # Both programs are one build: what they share is compiled once.
  programs = buildGoModule {
    pname = "hotpath-programs";
    inherit version;
    src = lib.fileset.toSource {
      root = ../.;
      fileset = lib.fileset.unions [
        ../cache
        ../dashboards
        ../go.mod
        ../go.sum
        ../internal
        ../loadgen
        ../metrics
        ../server
        ../tools
      ];
    };
    # What go mod vendor gives for that source: go run ./tools/nix-hash -write
    vendorHash = lib.fileContents ./vendor-hash;
    # A name without the version: a commit does not fetch the modules again.
    overrideModAttrs = _: { name = "hotpath-go-modules"; };
    env.CGO_ENABLED = "0";
    ldflags = [
      "-s"
      "-w"
      "-X github.com/e0ac7cd4/hotpath/internal/buildinfo.version=${version}"
    ];
    subPackages = [
      "server"
      "loadgen"
    ];
    doCheck = false; # checks.tests runs them, beside their documents
  };

  # program is one of them, as bin/name. It is static, and refers to nothing.
  program =
    {
      built,
      name,
      description,
    }:
    pkgs.runCommand "${name}-${version}"
      {
        pname = name;
        inherit version;
        meta = {
          inherit description;
          homepage = "https://github.com/e0ac7cd4/hotpath";
          license = if whole then lib.licenses.asl20 else { spdxId = "Apache-2.0"; };
          mainProgram = name;
          platforms = [
            "x86_64-linux"
            "aarch64-linux"
            "aarch64-darwin"
          ];
        };
      }
      ''
        install -D ${programs}/bin/${built} $out/bin/${name}
      '';
in
{
  inherit go;

  hotpath = program {
    built = "server";
    name = "hotpath";
    description = "HTTPS edge server that answers from memory";
  };

  loadgen = program {
    built = "loadgen";
    name = "loadgen";
    description = "Load generator for HTTPS servers";
  };

  checks = {
    # A check has nothing to show but that it succeeded. Left out are the tests
    # that keep or measure a rate, because a builder has other work, and those of
    # tools/dist, which builds from Go's module cache. Vet comes along because it
    # compiles the same.
    tests = programs.overrideAttrs (_: {
      pname = "hotpath-tests";
      version = "0"; # not run again because of a commit that changed no file
      src = ../.;
      ldflags = [ ];
      buildPhase = ''
        export GOFLAGS=-mod=vendor # without -trimpath: tests look for their files
        go vet ./...
        go test $(go list ./... | grep -vE '/(loadgen/(attack|fleet|perf)|tools/dist)$')
      '';
      installPhase = "touch $out";
    });

    format = pkgs.runCommand "hotpath-format" { nativeBuildInputs = [ go ]; } ''
      unformatted=$(gofmt -l ${../.})
      [ -z "$unformatted" ] || { echo "not formatted; run gofmt -w on: $unformatted"; exit 1; }
      touch $out
    '';

    # Without nixfmt only blanks can be looked at.
    nix-format =
      pkgs.runCommand "hotpath-nix-format"
        {
          nativeBuildInputs = if whole then [ pkgs.nixfmt ] else [ ];
        }
        ''
          files=$(find ${../.} -name '*.nix')
          ${
            if whole then
              "nixfmt --check $files"
            else
              "! grep -nP '^(  )* \\S|\\s$|\\t' $files || { echo 'not formatted'; exit 1; }"
          }
          touch $out
        '';
  };
}
