# A machine that serves a directory on the privileged port, with a certificate
# that only root can read.
{ pkgs, module }:
pkgs.testers.runNixOSTest {
  name = "hotpath";

  nodes.machine =
    { pkgs, ... }:
    {
      imports = [ module ];

      environment.systemPackages = [
        pkgs.curl
        pkgs.openssl
      ];

      systemd.services.certificate = {
        requiredBy = [ "hotpath.service" ];
        before = [ "hotpath.service" ];
        path = [ pkgs.openssl ];
        serviceConfig = {
          Type = "oneshot";
          RemainAfterExit = true;
          UMask = "0077";
        };
        script = ''
          openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
            -addext subjectAltName=DNS:localhost -keyout /run/key.pem -out /run/cert.pem
        '';
      };

      services.hotpath = {
        enable = true;
        certificate = "/run/cert.pem";
        certificateKey = "/run/key.pem";
        settings = {
          listen = ":443";
          root = "${pkgs.writeTextDir "index.html" "from the machine"}";
          max-conns = 1000;
        };
      };
    };

  testScript = ''
    machine.wait_for_unit("hotpath.service")
    machine.wait_for_open_port(443)

    with subtest("it serves, with the certificate it was given"):
        page = machine.succeed("curl --fail --silent --cacert /run/cert.pem https://localhost/")
        assert page == "from the machine", page

    with subtest("it has the descriptors for its connections"):
        metrics = machine.succeed("curl --fail --silent http://127.0.0.1:9180/metrics")
        assert "hotpath_connection_permits 1000\n" in metrics, metrics
        assert "process_start_time_seconds" in metrics, metrics

    with subtest("systemd accepts every directive, and finds the unit hardened"):
        _, complaints = machine.execute("systemd-analyze verify hotpath.service 2>&1")
        assert "hotpath.service" not in complaints, complaints
        machine.succeed("systemd-analyze security --threshold=25 hotpath.service")

    with subtest("it reloads"):
        machine.succeed("systemctl reload hotpath.service")
        machine.wait_until_succeeds(
            "curl --fail --silent http://127.0.0.1:9180/metrics | grep -x 'hotpath_config_reloads_total{outcome=\"applied\"} 1'"
        )

    with subtest("it stops in order"):
        machine.succeed("systemctl stop hotpath.service")
        machine.succeed("test $(systemctl show --value -p ExecMainStatus hotpath.service) = 0")
  '';
}
