package slo

import (
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/suggest"
)

// likely is the objective that s, which is none, probably was meant to be; "" if
// it is like none.
func likely(s string) string {
	const signs = "<>=!"
	at := strings.IndexAny(s, signs)
	if at < 0 || len(s) > 100 {
		return ""
	}
	name := strings.TrimSpace(s[:at])
	bound := strings.TrimLeft(s[at:], signs)
	op := s[at : len(s)-len(bound)]
	bound = strings.Join(strings.Fields(bound), "")

	names := []string{name, strings.ToLower(name)}
	if digits, ok := strings.CutPrefix(strings.ToLower(name), "p"); !ok || strings.Trim(digits, "0123456789.") != "" {
		if near := suggest.Nearest(name, kindNames[:]); near != kindNames[percentile] {
			names = append(names, near)
		}
	}
	if word := synonyms[strings.ToLower(name)]; word != "" {
		names = append(names, word)
	}
	if number, ok := strings.CutPrefix(strings.TrimSuffix(name, "p"), "p"); !ok && number != name {
		names = append(names, "p"+number)
	}
	for _, n := range names {
		for _, o := range operators(n, op) {
			for _, b := range bounds(bound) {
				if one := n + o + b; one != s {
					if _, err := parseObjective(one); err == nil {
						return one
					}
				}
			}
			if n == "errors" && strings.HasSuffix(bound, "%") {
				one := "error-ratio" + o + bound
				if _, err := parseObjective(one); err == nil {
					return one
				}
			}
		}
	}
	return ""
}

// synonyms are other words for metrics.
var synonyms = map[string]string{
	"avg": "mean", "average": "mean", "latency": "mean", "median": "p50", "rps": "rate", "qps": "rate", "throughput": "rate",
	"failures": "errors", "error-rate": "error-ratio", "errorrate": "error-ratio", "fail": "errors", "maximum": "max", "minimum": "min",
}

// operators are what op probably was meant to be: an equals sign means a bound,
// from below for what should be high.
func operators(metric, op string) []string {
	switch op {
	case "=<":
		return []string{"<="}
	case "=>":
		return []string{">="}
	case "=", "==":
		if metric == "rate" || metric == "answered" || metric == "success" {
			return []string{">="}
		}
		return []string{"<="}
	}
	return []string{op}
}

// bounds are what a bound probably was meant to be.
func bounds(s string) []string {
	all := []string{s, strings.TrimSuffix(s, "/s"), strings.ToLower(s), suggest.Duration(s, "ms"), s + "%"}
	if whole, fraction, unit, ok := suggest.Quantity(s); ok {
		all = append(all, whole+fraction+map[string]string{"k": "k", "m": "M"}[unit])
	}
	return all
}
