package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestPromtool has Prometheus' own tool check the configuration and run the
// rules' tests.
func TestPromtool(t *testing.T) {
	testkit.Need(t, "promtool")
	for _, args := range []string{
		"check config prometheus.yml",
		"check rules rules.yml alerts.yml",
		"test rules rules_test.yml alerts_test.yml",
	} {
		cmd := exec.Command("promtool", strings.Fields(args)...)
		cmd.Dir = "prometheus"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", args, err, out)
		}
	}
}

// TestAlerts: each alert has a severity, a runbook in docs/operations.md, and
// both cases in alerts_test.yml.
func TestAlerts(t *testing.T) {
	cases := readYAML[struct {
		Tests []struct {
			AlertRuleTest []struct {
				Alertname string
				ExpAlerts []any `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}](t, "prometheus/alerts_test.yml")
	fires, quiet := make(map[string]bool), make(map[string]bool)
	for _, test := range cases.Tests {
		for _, c := range test.AlertRuleTest {
			if len(c.ExpAlerts) > 0 {
				fires[c.Alertname] = true
			} else {
				quiet[c.Alertname] = true
			}
		}
	}
	operations, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	runbooks := make(map[string]bool)
	for _, heading := range regexp.MustCompile(`(?m)^### (Hotpath\w+)$`).FindAllSubmatch(operations, -1) {
		runbooks[string(heading[1])] = true
	}
	for _, r := range allRules(t) {
		if r.Alert == "" {
			continue
		}
		if severity := r.Labels["severity"]; severity != "critical" && severity != "warning" {
			t.Errorf("%s: severity %q, want critical or warning", r.Alert, severity)
		}
		page, _, _ := strings.Cut(runbookURL, "#")
		if url, want := r.Annotations["runbook_url"], page+"#"+strings.ToLower(r.Alert); url != want {
			t.Errorf("%s: runbook %q, want %q", r.Alert, url, want)
		}
		if r.Annotations["summary"] == "" {
			t.Errorf("%s: no summary", r.Alert)
		}
		if !runbooks[r.Alert] {
			t.Errorf("docs/operations.md has no section %s", r.Alert)
		}
		delete(runbooks, r.Alert)
		if !fires[r.Alert] || !quiet[r.Alert] {
			t.Errorf("alerts_test.yml: %s fires in a case: %v, does not in one: %v; want both", r.Alert, fires[r.Alert], quiet[r.Alert])
		}
	}
	for alert := range runbooks {
		t.Errorf("docs/operations.md has a section %s, which is no alert", alert)
	}
	if !strings.Contains(string(operations), "\n## Alerts\n") {
		t.Error("docs/operations.md has no section Alerts, which the dashboards link to")
	}
}

// TestFirstLook: docs/operations.md names for each alert a panel to look at first,
// which there is.
func TestFirstLook(t *testing.T) {
	operations, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	panels := make(map[string]bool)
	for _, b := range boards {
		_, title, _ := strings.Cut(b.title, " / ")
		for _, s := range b.sections {
			for _, p := range s.panels {
				panels[title+": "+p.title] = true
			}
		}
	}
	named := make(map[string]bool)
	for _, row := range regexp.MustCompile(`(?m)^\| \[(Hotpath\w+)\]\(#\w+\) \| ([^|]+) \| \*([^*]+)\* \|`).FindAllSubmatch(operations, -1) {
		alert, panel := string(row[1]), string(row[2])+": "+string(row[3])
		if !panels[panel] {
			t.Errorf("of %s one is to look at %q, which there is not", alert, panel)
		}
		named[alert] = true
	}
	for _, r := range allRules(t) {
		if r.Alert != "" && !named[r.Alert] {
			t.Errorf("docs/operations.md does not say which panel to look at first of %s", r.Alert)
		}
		delete(named, r.Alert)
	}
	for alert := range named {
		t.Errorf("docs/operations.md says where to look of %s, which is no alert", alert)
	}
}

// TestThresholds: the lines on the dashboards are those of the alerts.
func TestThresholds(t *testing.T) {
	exprs := make(map[string]string)
	for _, r := range allRules(t) {
		exprs[r.Alert] = r.Expr
	}
	for alert, bound := range map[string]float64{
		"HotpathLatencyTargetMissed": targetMean, "HotpathBurnRateFast": fastBurn, "HotpathBurnRateSlow": slowBurn,
	} {
		if want := fmt.Sprintf("> %v ", bound); !strings.Contains(exprs[alert]+" ", want) {
			t.Errorf("%s does not compare with the dashboards' %v: %s", alert, bound, exprs[alert])
		}
	}
}

// TestManyWarnings: a panel that has room for few names has four warnings at most,
// none beside what is critical, and says how many others there are.
func TestManyWarnings(t *testing.T) {
	testkit.Need(t, "promtool")
	warnings := func(n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprintf(`ALERTS{alertname="HotpathW%d",alertstate="firing",severity="warning"}`, i))
		}
		return all
	}
	critical := `ALERTS{alertname="HotpathC",alertstate="firing",severity="critical"}`
	for _, tt := range []struct {
		firing         []string
		urgent, lesser int    // series
		more           string // what lesser says
	}{
		{warnings(4), 4, 0, ""},
		{warnings(7), 4, 1, "3"},
		{append(warnings(7), critical), 1, 1, "7"},
		{[]string{critical}, 1, 0, ""},
		{nil, 1, 0, ""}, // none
	} {
		var b strings.Builder
		b.WriteString("tests:\n  - interval: 1m\n    input_series:\n      - series: all:hotpath_alerts:evaluated\n        values: 1\n")
		for _, s := range tt.firing {
			fmt.Fprintf(&b, "      - series: '%s'\n        values: 1\n", s)
		}
		samples := fmt.Sprintf("[{value: %d}]", tt.lesser)
		if tt.lesser == 0 {
			samples = "[]"
		}
		fmt.Fprintf(&b, "    promql_expr_test:\n      - expr: 'count(%s)'\n        exp_samples: [{value: %d}]\n      - expr: 'count(%s)'\n        exp_samples: %s\n", urgent, tt.urgent, lesser, samples)
		if tt.more != "" {
			fmt.Fprintf(&b, "      - expr: '%s'\n        exp_samples: [{labels: '{n=\"%s\"}', value: 1}]\n", lesser, tt.more)
		}
		file := filepath.Join(t.TempDir(), "test.yml")
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("promtool", "test", "rules", file).CombinedOutput(); err != nil {
			t.Errorf("%d alerts: %v\n%s", len(tt.firing), err, out)
		}
	}
}
