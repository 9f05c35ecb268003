package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

type compose struct {
	Services map[string]struct {
		Image       string
		Ports       []string
		NetworkMode string `yaml:"network_mode"`
		Volumes     []string
		Environment map[string]string
	}
	Volumes map[string]any
}

// TestCompose holds the file against what it wires: ports on the loopback
// address alone, directories that exist, and one network for the addresses that
// the configurations name.
func TestCompose(t *testing.T) {
	c := readYAML[compose](t, "compose.yaml")
	for name, s := range c.Services {
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s publishes %s, to more than this machine", name, port)
			}
		}
		if name != "hotpath" && s.NetworkMode != "service:hotpath" {
			t.Errorf("%s is not in the network of hotpath", name)
		}
		if s.Image != "" && !regexp.MustCompile(`:v?\d+\.\d+\.\d+$`).MatchString(s.Image) {
			t.Errorf("%s: image %s has no version", name, s.Image)
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if _, named := c.Volumes[from]; named {
				continue
			}
			if _, err := os.Stat(from); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}

	home := c.Services["grafana"].Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
	if want := filepath.Join("/etc/hotpath", filepath.Base(overview.file())); home != want {
		t.Errorf("Grafana's first page is %s, want %s", home, want)
	}
	providers := readYAML[struct {
		Providers []struct{ Options struct{ Path string } }
	}](t, "grafana/provisioning/dashboards/hotpath.yaml")
	if path := providers.Providers[0].Options.Path; path != filepath.Dir(home) {
		t.Errorf("dashboards are provisioned from %s, and mounted at %s", path, filepath.Dir(home))
	}
	sources := readYAML[struct {
		Datasources []struct {
			URL      string
			JSONData struct {
				TimeInterval string `yaml:"timeInterval"`
			} `yaml:"jsonData"`
		}
	}](t, "grafana/provisioning/datasources/prometheus.yaml")
	scraping := readYAML[struct {
		Global struct {
			ScrapeInterval string `yaml:"scrape_interval"`
		}
	}](t, "prometheus/prometheus.yml")
	if got := sources.Datasources[0].JSONData.TimeInterval; got != scraping.Global.ScrapeInterval {
		t.Errorf("Grafana takes the scrape interval for %s, it is %s", got, scraping.Global.ScrapeInterval)
	}
}
