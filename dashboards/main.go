// Command dashboards writes Grafana's dashboards from the tables in this
// directory:
//
//	go run ./dashboards              from the root of the repository
//	go run ./dashboards -hour DIR    writes no dashboard, but data for a Prometheus to
//	                                 look at them: package hour
//
//	overview.go  overview_server.go
//	cache.go  loadtest.go                what is shown: section, panel, query
//	board.go                             the words of these tables; where a panel lies
//	grafana.go                           the tables as Grafana's JSON
//	grafana/*.json                       what is written; provisioning/ is by hand
//	prometheus/                          scraping, recording rules, alerts and their tests
//	compose.yaml                         all of it together
//	hour/                                an hour of servers in made time, to look at all of it
//
// The tests hold what is written against the tables, every query against a
// Prometheus that scrapes the server and the load generator, and every metric
// against those that exist.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/dashboards/hour"
)

var boards = []board{overview, cacheAndOrigin, loadTest}

func main() {
	data := flag.String("hour", "", "make this directory of data for Prometheus, of a made hour that ends now, and no dashboards")
	flag.Parse()
	// bazel run begins elsewhere, and says where the repository is.
	dir := filepath.Join(os.Getenv("BUILD_WORKSPACE_DIRECTORY"), "dashboards")
	var err error
	if *data != "" {
		err = writeHour(*data, dir)
	} else {
		err = writeBoards(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dashboards:", err)
		os.Exit(1)
	}
}

func writeBoards(dir string) error {
	for _, b := range boards {
		if err := write(b, dir); err != nil {
			return err
		}
	}
	return nil
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

// writeHour makes the hour, and says how to look at it.
func writeHour(data, dir string) error {
	end := time.Now().Truncate(time.Minute)
	rules := filepath.Join(dir, "prometheus")
	err := hour.Blocks(context.Background(), data, end, filepath.Join(rules, "rules.yml"), filepath.Join(rules, "alerts.yml"))
	if err != nil {
		return fmt.Errorf("make the hour: %w", err)
	}
	for _, m := range hour.Moments() {
		fmt.Printf("%s  %-9s %s\n", end.Add(m.At-hour.Length).Format(time.TimeOnly), m.Name, m.About)
	}
	fmt.Println("prometheus", strings.Join(hour.Flags(data), " "))
	return nil
}
