// Command dashboards writes Grafana's dashboards from the tables in this
// directory:
//
//	go run ./dashboards    from the root of the repository
//
//	overview.go  overview_server.go
//	cache.go  loadtest.go                what is shown: section, panel, query
//	board.go                             the words of these tables; where a panel lies
//	grafana.go                           the tables as Grafana's JSON
//	grafana/*.json                       what is written; provisioning/ is by hand
//	prometheus/                          scraping, recording rules, alerts and their tests
//	compose.yaml                         all of it together
//
// The tests hold what is written against the tables, every query against a
// Prometheus that scrapes the server and the load generator, and every metric
// against those that exist.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

var boards = []board{overview, cacheAndOrigin, loadTest}

func main() {
	// bazel run begins elsewhere, and says where the repository is.
	root := os.Getenv("BUILD_WORKSPACE_DIRECTORY")
	for _, b := range boards {
		if err := write(b, filepath.Join(root, "dashboards")); err != nil {
			fmt.Fprintln(os.Stderr, "dashboards:", err)
			os.Exit(1)
		}
	}
}

func write(b board, dir string) error {
	text, err := b.json()
	if err != nil {
		return fmt.Errorf("dashboard %s: %w", b.uid, err)
	}
	if err := os.WriteFile(filepath.Join(dir, b.file()), text, 0o644); err != nil {
		return fmt.Errorf("%w (run it from the root of the repository)", err)
	}
	return nil
}
