# Checks of nix/module.nix: what it makes of some settings, and a machine that
# runs it, if nixpkgs is the whole one.
{
  lib,
  pkgs,
  whole,
  module,
  package,
}:
let
  # nixos is the configuration of a machine with these values of services.hotpath.
  nixos =
    values:
    let
      hotpath = {
        inherit package;
        enable = true;
      }
      // values;
    in
    if whole then
      (lib.nixosSystem {
        modules = [
          module
          {
            nixpkgs.hostPlatform = pkgs.stdenv.hostPlatform.system;
            services = { inherit hotpath; };
          }
        ];
      }).config
    else
      import ./stub-nixos.nix { inherit lib pkgs; } hotpath;

  cases = [
    {
      given = { };
      want = {
        AmbientCapabilities = [ ];
        LimitNOFILE = 32768;
        LoadCredential = [ ];
        PrivateUsers = true;
        TimeoutStopSec = "0s 30s 5s";
      };
    }
    {
      given = {
        settings = {
          access-log = "sampled";
          access-log-file = "/var/log/hotpath/access.log";
          listen = "[::]:443";
          admin = ":9180";
          cache-bytes = "1GiB";
          cache-entries = 4096;
          drain-delay = "8s";
          drain-timeout = "1m30s";
          max-conns = 1000;
          root = "/srv/www";
        };
        certificate = "/run/cert.pem";
        certificateKey = "/run/key.pem";
        adminTokenFile = "/run/token";
      };
      want = {
        AmbientCapabilities = [ "CAP_NET_BIND_SERVICE" ];
        LimitNOFILE = 8768;
        LogsDirectory = "hotpath";
        StateDirectory = "hotpath";
        LoadCredential = [
          "admin-token-file:/run/token"
          "cert:/run/cert.pem"
          "key:/run/key.pem"
        ];
        PrivateUsers = false;
        TimeoutStopSec = "8s 1m30s 5s";
      };
    }
  ];
  service = given: (nixos given).systemd.services.hotpath.serviceConfig;
  wrong = builtins.filter (
    { given, want }: builtins.intersectAttrs want (service given) != want
  ) cases;

  # refused is whether one of the module's own assertions does not hold: on a
  # machine without disks others do not either.
  refused =
    given:
    let
      own = a: builtins.match "services[.]hotpath.*" a.message != null;
    in
    builtins.any (a: !a.assertion && own a) (nixos given).assertions;
  accepted = builtins.filter (given: !refused given) [
    { certificate = "/run/cert.pem"; }
    { certificateKey = "/run/key.pem"; }
    { settings.key = "/run/key.pem"; }
    { settings.admin-token-file = "/run/token"; }
  ];
in
{
  # Building it checks the settings of all cases: ExecStart names their files.
  module =
    if wrong == [ ] && accepted == [ ] then
      pkgs.runCommand "hotpath-module" { } ''
        printf '%s\n' ${lib.concatStringsSep " " (map (c: "'${(service c.given).ExecStart}'") cases)} > $out
      ''
    else
      throw "nix/module.nix: not as wanted: ${builtins.toJSON wrong}; accepted: ${builtins.toJSON accepted}";
}
// (if whole then { nixos = import ./test.nix { inherit pkgs module; }; } else { })
