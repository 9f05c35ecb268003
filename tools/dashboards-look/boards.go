package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// board is a dashboard as dashboards/grafana has it.
type board struct {
	name string // of its file, without .json
	text []byte

	UID   string   `json:"uid"`
	Title string   `json:"title"`
	Tags  []string `json:"tags"`
}

func readBoards(dir string) ([]board, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("there is no dashboard in " + dir + " (run it from the root of the repository)")
	}
	var all []board
	for _, name := range names {
		b := board{name: strings.TrimSuffix(filepath.Base(name), ".json")}
		if b.text, err = os.ReadFile(name); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b.text, &b); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, b)
	}
	return all, nil
}
