# services.hotpath: the server as a hardened systemd unit.
#
# settings are the keys of docs/configuration.md, and become the YAML file that
# the server reads. They are checked when the system is built; files that they
# name, when the server starts. Whoever imports this sets package: flake.nix's
# nixosModules.default does.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.hotpath;
  inherit (lib) mkOption types;

  # One `key: value` a line: a scalar in JSON is one in YAML.
  configFile =
    pkgs.runCommand "hotpath.yaml"
      {
        text = lib.concatStringsSep "\n" (
          lib.mapAttrsToList (key: value: "${key}: ${builtins.toJSON value}") cfg.settings
        );
      }
      ''
        printf '%s\n' "$text" > $out
        ${lib.optionalString cfg.checkConfig ''
          echo a-token-of-the-build > token
          ${lib.getExe cfg.package} check -config $out -root "" -access-log-file - ${
            lib.optionalString (cfg.adminTokenFile != null) "-admin-token-file token"
          }
        ''}
      '';

  # What systemd reads as root and gives to the server, by its setting.
  secrets = lib.filterAttrs (_: file: file != null) {
    cert = cfg.certificate;
    key = cfg.certificateKey;
    admin-token-file = cfg.adminTokenFile;
  };
  variable = key: "HOTPATH_${lib.toUpper (builtins.replaceStrings [ "-" ] [ "_" ] key)}";

  port = lib.toInt (lib.last (lib.splitString ":" cfg.settings.listen));
  privileged = port < 1024;
in
{
  options.services.hotpath = {
    enable = lib.mkEnableOption "hotpath, an HTTPS edge server";

    package = mkOption {
      type = types.package;
      description = "The hotpath to run.";
    };

    settings = mkOption {
      description = ''
        Settings of the server, by the keys of docs/configuration.md.
        `cert`, `key` and `admin-token-file` have options of their own. `root` must be readable by
        everyone, and not be in a home directory.
      '';
      default = { };
      example = {
        listen = ":443";
        root = "/srv/www";
        cache-bytes = "1GiB";
      };
      # The keys with an option here are those that the unit depends on, with
      # the server's own defaults.
      type = types.submodule {
        freeformType = types.attrsOf (
          types.oneOf [
            types.bool
            types.int
            types.str
          ]
        );
        options = {
          listen = mkOption {
            type = types.strMatching ".*:[0-9]+";
            default = ":8443";
            description = "Address of the public listener, `host:port` or `:port`.";
          };
          max-conns = mkOption {
            type = types.ints.positive;
            default = 25000;
            description = "Open connections. The unit's limit of open files follows.";
          };
          drain-delay = mkOption {
            type = types.str;
            default = "0s";
            description = "How long connections are still accepted when the unit stops.";
          };
          drain-timeout = mkOption {
            type = types.str;
            default = "30s";
            description = "For requests in flight when the unit stops.";
          };
        };
      };
    };

    checkConfig = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether the settings are checked when the system is built. To be turned
        off if that machine cannot run the package: cross-compilation.
      '';
    };

    environment = mkOption {
      type = types.attrsOf types.str;
      default = { };
      example = {
        GOMAXPROCS = "8";
      };
      description = ''
        Environment of the server. A `HOTPATH_` variable wins over the setting
        of the same name.
      '';
    };

    certificate = mkOption {
      type = types.nullOr types.externalPath;
      default = null;
      example = "/var/lib/acme/example.org/fullchain.pem";
      description = ''
        PEM file with the certificate and its chain; null for a self-signed one.
        systemd reads it, so that root alone may. A new certificate needs a
        restart: `security.acme.certs.<name>.reloadServices = [ "hotpath.service" ]`.
      '';
    };

    certificateKey = mkOption {
      type = types.nullOr types.externalPath;
      default = null;
      example = "/var/lib/acme/example.org/key.pem";
      description = "PEM file with the certificate's private key; read like it.";
    };

    adminTokenFile = mkOption {
      type = types.nullOr types.externalPath;
      default = null;
      example = "/run/secrets/hotpath-admin";
      description = "File with the token of the admin listener; read like the certificate.";
    };

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = "Whether the port of `settings.listen` is opened. The admin listener's never is.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = (cfg.certificate == null) == (cfg.certificateKey == null);
        message = "services.hotpath: certificate and certificateKey are set together, or neither";
      }
      {
        assertion = !(cfg.settings ? cert || cfg.settings ? key || cfg.settings ? admin-token-file);
        message = "services.hotpath.settings has no cert, key and admin-token-file: set services.hotpath.certificate, certificateKey and adminTokenFile";
      }
    ];

    networking.firewall.allowedTCPPorts = lib.optional cfg.openFirewall port;

    systemd.services.hotpath = {
      description = "hotpath, an HTTPS edge server";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ]; # else the address may not exist yet
      environment =
        cfg.environment
        // lib.mapAttrs' (key: _: {
          name = variable key;
          value = "%d/${key}";
        }) secrets;

      serviceConfig = {
        Type = "notify"; # the server says when it is ready
        NotifyAccess = "all"; # after an upgrade its successor does
        ExecStart = "${lib.getExe cfg.package} -config ${configFile}";
        ExecReload = "${pkgs.coreutils}/bin/kill -HUP $MAINPID"; # ends at once; what comes of it is in the log
        Restart = "on-failure";
        RestartSec = "2s"; # a port that is taken for a moment must not use up the five starts in 10 s
        RestartPreventExitStatus = 2; # asked for something wrong: so it would be again
        TimeoutStopSec = "${cfg.settings.drain-delay} ${cfg.settings.drain-timeout} 5s"; # systemd adds them up
        # Beside connections as many as examples/hotpath.service has: enough for
        # a root and 13 upstreams (docs/operations.md, File descriptors).
        LimitNOFILE = cfg.settings.max-conns + 7768;

        DynamicUser = true;
        LogsDirectory = "hotpath"; # for an access log: all else is read-only
        StateDirectory = "hotpath"; # for acme-storage
        StateDirectoryMode = "0700";
        LoadCredential = lib.mapAttrsToList (key: file: "${key}:${file}") secrets;
        AmbientCapabilities = lib.optional privileged "CAP_NET_BIND_SERVICE";
        CapabilityBoundingSet = if privileged then "CAP_NET_BIND_SERVICE" else "";
        PrivateUsers = !privileged; # a capability there is none over the host's ports

        LockPersonality = true;
        MemoryDenyWriteExecute = true;
        NoNewPrivileges = true;
        PrivateDevices = true;
        PrivateTmp = true;
        ProtectClock = true;
        ProtectControlGroups = true;
        ProtectHome = true;
        ProtectHostname = true;
        ProtectKernelLogs = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        ProtectProc = "invisible"; # no ProcSubset: the process's metrics read /proc/stat
        ProtectSystem = "strict";
        RemoveIPC = true;
        # AF_UNIX: for upstreams, and to say that it is ready.
        RestrictAddressFamilies = [
          "AF_INET"
          "AF_INET6"
          "AF_UNIX"
        ];
        RestrictNamespaces = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        SystemCallArchitectures = "native";
        SystemCallErrorNumber = "EPERM";
        SystemCallFilter = [
          "@system-service"
          "~@privileged"
        ];
        UMask = "0077";
      };
    };
  };
}
