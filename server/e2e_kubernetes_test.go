//go:build linux

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/server/config"
)

// pod is what is looked at of a PodSpec (core/v1). That there is no other field than
// those of the API, tools/manifests checks.
type pod struct {
	Grace        int   `yaml:"terminationGracePeriodSeconds"`
	ServiceLinks *bool `yaml:"enableServiceLinks"`
	Security     struct {
		NonRoot bool              `yaml:"runAsNonRoot"`
		User    int               `yaml:"runAsUser"`
		Group   int               `yaml:"fsGroup"`
		Seccomp map[string]string `yaml:"seccompProfile"`
	} `yaml:"securityContext"`
	Containers []struct {
		Image string `yaml:"image"`
		Ports []struct {
			Name string `yaml:"name"`
			Port int    `yaml:"containerPort"`
		} `yaml:"ports"`
		Security struct {
			ReadOnly     bool                `yaml:"readOnlyRootFilesystem"`
			Escalation   *bool               `yaml:"allowPrivilegeEscalation"`
			Capabilities map[string][]string `yaml:"capabilities"`
		} `yaml:"securityContext"`
		Resources map[string]map[string]string `yaml:"resources"`
		Env       []struct {
			Name  string `yaml:"name"`
			Value string `yaml:"value"`
		} `yaml:"env"`
		Readiness struct {
			Get struct {
				Path string `yaml:"path"`
				Port string `yaml:"port"`
			} `yaml:"httpGet"`
			PeriodSeconds    int `yaml:"periodSeconds"`
			FailureThreshold int `yaml:"failureThreshold"`
			TimeoutSeconds   int `yaml:"timeoutSeconds"`
		} `yaml:"readinessProbe"`
		Mounts []struct {
			Path string `yaml:"mountPath"`
		} `yaml:"volumeMounts"`
	} `yaml:"containers"`
}

// manifest reads one of examples/kubernetes.
func manifest(t *testing.T, name string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(document(t, "examples/kubernetes/"+name)), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// kubernetesExample is the pod of the Deployment, the text of the ConfigMap, and the
// configuration that both make.
func kubernetesExample(t *testing.T) (spec pod, text string, cfg config.Config) {
	t.Helper()
	testkit.NeedTree(t)
	var deployment struct {
		Spec struct{ Template struct{ Spec pod } }
	}
	manifest(t, "deployment.yaml", &deployment)
	spec = deployment.Spec.Template.Spec
	if len(spec.Containers) != 1 {
		t.Fatalf("want one container: %+v", spec)
	}
	var configMap struct{ Data map[string]string }
	manifest(t, "configmap.yaml", &configMap)
	if text = configMap.Data["hotpath.yaml"]; text == "" {
		t.Fatal("the ConfigMap has no hotpath.yaml")
	}
	// Paths of the container are not here: neither is looked at by what is asked of
	// the configuration below.
	var environ []string
	file := writeFile(t, text)
	for _, v := range spec.Containers[0].Env {
		if v.Name == "HOTPATH_CONFIG" {
			if v.Value != "/etc/hotpath/hotpath.yaml" {
				t.Errorf("the file is %s, mounted is the folder /etc/hotpath", v.Value)
			}
			v.Value = file
		}
		environ = append(environ, v.Name+"="+v.Value)
	}
	cfg, err := config.Load(nil, environ, os.ReadFile)
	return spec, text, must(t, cfg, err)
}

// TestKubernetesExample: ports, variables, probe and user of the pod are what the
// server and its image have; its times fit together: readiness is lost before
// connections are refused, and a drain ends before the pod is killed. All that
// clients can make it use fits in its memory.
func TestKubernetesExample(t *testing.T) {
	spec, _, cfg := kubernetesExample(t)
	c := spec.Containers[0]
	ports := make(map[string]string)
	for _, p := range c.Ports {
		ports[p.Name] = strconv.Itoa(p.Port)
	}
	if ports["https"] != portOf(t, cfg.Listen) || ports["admin"] != portOf(t, cfg.Admin) || len(ports) != 2 {
		t.Errorf("the ports are %v, the server listens on %s and %s", ports, cfg.Listen, cfg.Admin)
	}
	probe := c.Readiness
	p := start(t, "-drain-delay", "3s")
	for _, want := range []int{http.StatusOK, http.StatusServiceUnavailable} {
		p.eventually("the probe's answer", func() error {
			r, err := http.Get(p.admin + probe.Get.Path)
			if err != nil {
				return err
			}
			defer r.Body.Close()
			if r.StatusCode != want {
				return fmt.Errorf("%s: %s, want %d", probe.Get.Path, r.Status, want)
			}
			return nil
		})
		if want == http.StatusOK {
			p.signal(syscall.SIGTERM)
		}
	}
	second := func(n int) time.Duration { return time.Duration(n) * time.Second }
	if noticed := second(probe.PeriodSeconds * probe.FailureThreshold); noticed >= cfg.DrainDelay || cfg.DrainDelay != documentedDelay(t) {
		t.Errorf("what looks every %d s, %d times, needs more than -drain-delay %v", probe.PeriodSeconds, probe.FailureThreshold, cfg.DrainDelay)
	}
	if second(spec.Grace) <= cfg.DrainDelay+cfg.DrainTimeout {
		t.Errorf("%d s of grace do not do for a drain of %v and %v", spec.Grace, cfg.DrainDelay, cfg.DrainTimeout)
	}
	memory, ok := strings.CutSuffix(c.Resources["limits"]["memory"], "Mi")
	if n, err := strconv.ParseInt(memory, 10, 64); !ok || err != nil || cfg.MemoryLimit >= n<<20 || cfg.MemoryLimit < n<<20/10*8 {
		t.Errorf("memory-limit %d in a container of %sMi (%v)", cfg.MemoryLimit, memory, err)
	} else {
		wantFits(t, cfg, n<<20)
	}
	if !spec.Security.NonRoot || spec.Security.User != 65532 || spec.Security.Group != 65532 || spec.Security.Seccomp["type"] != "RuntimeDefault" ||
		!c.Security.ReadOnly || c.Security.Escalation == nil || *c.Security.Escalation || len(c.Security.Capabilities["drop"]) != 1 {
		t.Errorf("rights that the server does not need: %+v, %+v", spec.Security, c.Security)
	}
	if c.Image != "localhost/hotpath:VERSION" {
		t.Errorf("the image is %s, tools/dist makes localhost/hotpath:VERSION", c.Image)
	}
	if _, err := config.Load(nil, []string{"HOTPATH_SERVICE_HOST=10.0.0.1"}, nil); err == nil || spec.ServiceLinks == nil || *spec.ServiceLinks {
		t.Errorf("variables of the Service are in the pod, and the server says %v", err)
	}
}

// TestKubernetesConfigReloads: the kubelet changes the files of a ConfigMap by
// turning one symbolic link to another directory; the server takes the new
// configuration by itself, and all of it can be taken without a restart.
func TestKubernetesConfigReloads(t *testing.T) {
	_, text, _ := kubernetesExample(t)
	id := testIdentity(t)
	volume := t.TempDir()
	publish := func(version, text string) {
		t.Helper()
		dir := filepath.Join(volume, version)
		err := os.Mkdir(dir, 0o755)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "hotpath.yaml"), []byte(text), 0o600)
		}
		if err == nil {
			err = os.Symlink(version, filepath.Join(volume, "..next"))
		}
		if err == nil {
			err = os.Rename(filepath.Join(volume, "..next"), filepath.Join(volume, "..data"))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text = strings.NewReplacer("/tls/tls.crt", id.cert, "/tls/tls.key", id.key, "http://app:8080", counter(t, "before")).Replace(text)
	publish("..1", text)
	file := filepath.Join(volume, "hotpath.yaml")
	if err := os.Symlink("..data/hotpath.yaml", file); err != nil {
		t.Fatal(err)
	}
	if status, stdout, stderr := command(t, nil, "check", "-config", file); status != 0 {
		t.Fatalf("check: exit status %d, %q, %q", status, stdout, stderr)
	}
	p := start(t, "-config", file, "-config-watch", "100ms")
	publish("..2", strings.Replace(text, "upstream:", "cache: {default-fresh: 1s}\n    upstream:", 1))
	p.eventually("the reload", func() error {
		if n := p.metrics()[`hotpath_config_reloads_total{outcome="applied"}`]; n != 1 {
			return fmt.Errorf("%v were applied\n%s", n, p.output())
		}
		return nil
	})
}
