package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// The first screen is that of a laptop.
const (
	screenWidth  = 1440
	screenHeight = 900
)

const (
	// settleWait is how long a page may take until all its queries have been answered:
	// seconds on two cores, unless these are busy.
	settleWait = time.Minute

	// drawWait is for what a page draws after that: axes, legends and their sizes,
	// each in a frame of its own.
	drawWait = 500 * time.Millisecond
)

// browser is a headless Chromium with one page.
type browser struct {
	ctx  context.Context
	stop func()

	mu      sync.Mutex
	console []string // errors that scripts and the network had
}

func startBrowser(ctx context.Context, dir string) (*browser, error) {
	profile := filepath.Join(dir, "chromium")
	if err := os.Mkdir(profile, 0o700); err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(profile),
		chromedp.Flag("disable-component-update", true), chromedp.Env("TZ=UTC"))
	ctx, end := chromedp.NewExecAllocator(ctx, options...)
	ctx, closePage := chromedp.NewContext(ctx)
	b := &browser{ctx: ctx, stop: func() { closePage(); end() }}
	if err := chromedp.Listen(ctx, b.note); err != nil {
		b.stop()
		return nil, fmt.Errorf("starting Chromium: %w", err)
	}
	// Movement would make pictures differ.
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	if err != nil {
		b.stop()
		return nil, fmt.Errorf("starting Chromium: %w", err)
	}
	return b, nil
}

// note keeps errors; chromedp calls it one at a time, on a goroutine of its own.
func (b *browser) note(event any) {
	var line string
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type != runtime.ConsoleAPICalledTypeError {
			return
		}
		for _, arg := range e.Args {
			line += strings.TrimSpace(string(arg.Value)+" "+arg.Description) + " "
		}
	case *runtime.EventExceptionThrown:
		line = e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			line += " " + e.ExceptionDetails.Exception.Description
		}
	case *log.EventEntryAdded:
		if e.Entry.Level != log.EntryLevelError {
			return
		}
		line = e.Entry.Text + " " + e.Entry.URL
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.console = append(b.console, line)
}

// logged returns the console's errors since the last call.
func (b *browser) logged() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := b.console
	b.console = nil
	return lines
}

// open loads a page, draws the whole of it, and returns what it says of itself.
func (b *browser) open(url string) (look, error) {
	b.logged()
	ctx, cancel := context.WithTimeout(b.ctx, settleWait)
	defer cancel()
	size := func(height int64) error {
		return chromedp.Do(ctx, chromedp.EmulateViewport(screenWidth, height))
	}
	settle := func() (look, error) {
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool]("window.look?.().settled", chromedp.WithPollingTimeout(settleWait))); err != nil {
			return look{}, fmt.Errorf("waiting for %s: %w; its console has:\n%s", url, err, strings.Join(b.logged(), "\n"))
		}
		select {
		case <-time.After(drawWait):
		case <-ctx.Done():
			return look{}, ctx.Err()
		}
		return chromedp.Run(ctx, chromedp.Evaluate[look]("window.look()"))
	}
	if err := errors.Join(size(screenHeight), chromedp.Do(ctx, chromedp.Navigate(url))); err != nil {
		return look{}, fmt.Errorf("opening %s: %w", url, err)
	}
	seen, err := settle()
	if err != nil || seen.Error != "" {
		return seen, err
	}
	if err := size(seen.Height); err != nil {
		return look{}, err
	}
	return settle()
}

// picture is of the topmost part of the page, of this height, as PNG.
func (b *browser) picture(height int64) ([]byte, error) {
	taken, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatPng,
		Clip:   &page.Viewport{Width: screenWidth, Height: float64(height), Scale: 1},
	})
	if err != nil {
		return nil, fmt.Errorf("taking a picture: %w", err)
	}
	return taken.Data, nil
}
