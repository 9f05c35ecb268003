package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// address is a dashboard's, at a moment.
func address(page string, b board, m moment, theme string) string {
	return page + "/?" + url.Values{
		"board": {b.name}, "theme": {theme}, "now": {strconv.FormatInt(m.at.UnixMilli(), 10)},
	}.Encode()
}

// draw draws each dashboard at each moment, and writes what is wrong with it. Dark
// and light differ in colours alone: only the dark one is checked.
func draw(ctx context.Context, o options, page string, boards []board, moments []moment, out io.Writer) (err error) {
	if o.out != "" {
		if err := os.MkdirAll(o.out, 0o755); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "dashboards-look")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b, err := startBrowser(ctx, dir)
	if err != nil {
		return err
	}
	defer b.stop()
	found := 0
	for _, one := range boards {
		said := map[string]bool{} // of this dashboard; the same is so at many moments
		for _, m := range moments {
			begin := time.Now()
			for _, theme := range []string{"dark", "light"} {
				if o.out == "" && theme != "dark" {
					continue
				}
				seen, err := b.open(address(page, one, m, theme))
				if err != nil {
					return err
				}
				if theme == "dark" {
					wrong := seen.wrong(m.whole)
					for _, line := range b.logged() {
						wrong = append(wrong, "the browser's console: "+line)
					}
					for _, w := range wrong {
						if !said[w] {
							fmt.Fprintf(out, "%s at %s: %s\n", one.name, m.name, w)
							found++
						}
						said[w] = true
					}
				}
				if o.out != "" {
					if err := b.save(filepath.Join(o.out, fmt.Sprintf("%s-%s-%s", one.name, m.name, theme)), seen.Height); err != nil {
						return err
					}
				}
			}
			fmt.Fprintf(out, "%s at %s is drawn after %.1f s\n", one.name, m.name, time.Since(begin).Seconds())
		}
	}
	if o.check && found > 0 {
		return fmt.Errorf("%d findings", found)
	}
	return nil
}

// save writes two pictures: of the first screen, and of the whole page.
func (b *browser) save(name string, height int64) error {
	for file, height := range map[string]int64{name + ".png": screenHeight, name + "-full.png": height} {
		picture, err := b.picture(height)
		if err == nil {
			err = os.WriteFile(file, picture, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
