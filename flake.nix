{
  description = "hotpath, an HTTPS edge server that answers from memory";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;

      # false if a stand-in with few attributes takes the place of nixpkgs:
      # tools/nix-check. What only the real one has is left out there and only
      # there, so that a name that does not exist is an error for everyone else.
      whole = lib ? nixosSystem;

      forEachSystem =
        f:
        lib.genAttrs [
          "x86_64-linux"
          "aarch64-linux"
          "aarch64-darwin"
        ] (system: f nixpkgs.legacyPackages.${system});

      # The programs that tests use; those that are missing skip their tests.
      testPrograms =
        pkgs:
        [ pkgs.nghttp2 ]
        ++ (
          if whole then
            [
              pkgs.curl
              pkgs.git
              pkgs.haproxy
              pkgs.nginx
              pkgs.nodejs
              pkgs.openssl
              pkgs.prometheus
              pkgs.prometheus.cli
              pkgs.skopeo
            ]
            ++ lib.optionals (isLinux pkgs) [
              pkgs.chromium
              pkgs.groff
              pkgs.systemd # systemd-analyze
            ]
          else
            [ ]
        );

      isLinux = pkgs: builtins.match ".*-linux" pkgs.stdenv.hostPlatform.system != null;

      hotpathFor =
        pkgs:
        import ./nix/package.nix {
          inherit lib pkgs whole;
          version = self.shortRev or "dirty";
        };
    in
    {
      packages = forEachSystem (
        pkgs:
        let
          inherit (hotpathFor pkgs) hotpath loadgen;
        in
        {
          default = hotpath;
          inherit hotpath loadgen;
        }
      );

      apps = forEachSystem (
        pkgs:
        let
          inherit (hotpathFor pkgs) hotpath loadgen;
          app = package: {
            type = "app";
            program = "${package}/bin/${package.meta.mainProgram}";
            meta = { inherit (package.meta) description; };
          };
        in
        {
          default = app hotpath;
          server = app hotpath;
          loadgen = app loadgen;
        }
      );

      devShells = forEachSystem (
        pkgs:
        let
          bazel = pkgs.runCommand "bazel" { } ''
            mkdir -p $out/bin
            ln -s ${pkgs.bazelisk}/bin/bazelisk $out/bin/bazel
          '';
        in
        {
          default = pkgs.mkShell {
            packages = [
              (hotpathFor pkgs).go
              pkgs.gopls
              pkgs.golangci-lint
              pkgs.bazelisk
              bazel
              pkgs.bazel-buildtools
            ]
            ++ testPrograms pkgs;
            GOTOOLCHAIN = "local"; # this Go, or an error: never one from the network
          };

          # What the dashboards and tools/bench use.
          bench = pkgs.mkShell {
            inputsFrom = [ self.devShells.${pkgs.stdenv.hostPlatform.system}.default ];
            packages = [
              pkgs.grafana
              pkgs.prometheus
              pkgs.redis
            ]
            ++ (if whole then [ pkgs.wrk ] ++ lib.optional (isLinux pkgs) pkgs.h2o else [ ]);
            GOTOOLCHAIN = "local";
          };
        }
      );

      checks = forEachSystem (
        pkgs:
        let
          inherit (hotpathFor pkgs) hotpath loadgen checks;
          moduleChecks = import ./nix/module-checks.nix {
            inherit lib pkgs whole;
            module = self.nixosModules.default;
            package = hotpath;
          };
        in
        checks // { inherit hotpath loadgen; } // (if isLinux pkgs then moduleChecks else { })
      );

      formatter = forEachSystem (pkgs: pkgs.nixfmt-tree);

      overlays.default = final: prev: {
        inherit (hotpathFor final) hotpath;
        hotpath-loadgen = (hotpathFor final).loadgen;
      };

      nixosModules.default =
        { pkgs, ... }:
        {
          imports = [ ./nix/module.nix ];
          services.hotpath.package = lib.mkDefault (hotpathFor pkgs).hotpath;
        };
    };
}
