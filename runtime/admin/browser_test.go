package admin_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/admin"
)

// browser is a headless Chromium, which is driven over the DevTools protocol through a pipe.
type browser struct {
	t       *testing.T
	to      *os.File
	mu      sync.Mutex
	next    int
	waiting map[int]chan json.RawMessage
	session string
	events  []event
	loaded  chan struct{}
}

type event struct {
	Method string
	Params json.RawMessage
}

// startBrowser starts Chromium, and skips the test where it is missing.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is missing; run make test-servers")
		}
		t.Skip("chromium is missing; apt-get install chromium, or make test-servers, installs it")
	}
	in, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{in, out} // 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	out.Close()
	b := &browser{t: t, to: to, waiting: make(map[int]chan json.RawMessage), loaded: make(chan struct{}, 100)}
	var read sync.WaitGroup
	read.Go(func() { b.read(from) })
	t.Cleanup(func() {
		_, _ = to.WriteString(`{"id":0,"method":"Browser.close"}` + "\x00")
		ended := make(chan struct{})
		go func() { defer close(ended); _ = cmd.Wait() }()
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		to.Close()
		from.Close()
		read.Wait()
	})
	var target struct{ TargetID string }
	b.do("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.do("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Network", "Runtime", "Log", "Accessibility"} {
		b.do(domain+".enable", nil, nil)
	}
	return b
}

// read receives what Chromium sends.
func (b *browser) read(from *os.File) {
	for r := bufio.NewReader(from); ; {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var msg struct {
			ID     int
			Result json.RawMessage
			Error  json.RawMessage
			event
		}
		if err := json.Unmarshal(text[:len(text)-1], &msg); err != nil {
			b.t.Errorf("Chromium sent %q", text)
			return
		}
		b.mu.Lock()
		if reply := b.waiting[msg.ID]; reply != nil {
			if msg.Error != nil {
				b.t.Errorf("Chromium: %s", msg.Error)
			}
			reply <- msg.Result
			delete(b.waiting, msg.ID)
		} else {
			b.events = append(b.events, msg.event)
			if msg.Method == "Page.loadEventFired" {
				b.loaded <- struct{}{}
			}
		}
		b.mu.Unlock()
	}
}

// do sends a command, and stores its result.
func (b *browser) do(method string, params map[string]any, result any) {
	b.t.Helper()
	b.mu.Lock()
	b.next++
	id, reply := b.next, make(chan json.RawMessage, 1)
	b.waiting[id] = reply
	b.mu.Unlock()
	msg := map[string]any{"id": id, "method": method, "params": params}
	if b.session != "" {
		msg["sessionId"] = b.session
	}
	text, err := json.Marshal(msg)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.to.Write(append(text, 0)); err != nil {
		b.t.Fatal(err)
	}
	select {
	case raw := <-reply:
		if result != nil {
			if err := json.Unmarshal(raw, result); err != nil {
				b.t.Fatal(err)
			}
		}
	case <-time.After(2 * time.Minute):
		b.t.Fatalf("%s: Chromium does not reply", method)
	}
}

// open shows a page at a width, and returns the events of that time.
func (b *browser) open(url string, width int, scheme string) {
	b.t.Helper()
	b.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}, nil)
	b.do("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.mu.Lock()
	b.events = nil
	b.mu.Unlock()
	b.do("Page.navigate", map[string]any{"url": url}, nil)
	select {
	case <-b.loaded:
	case <-time.After(2 * time.Minute):
		b.t.Fatalf("%s is not loaded", url)
	}
}

// eval evaluates an expression, and stores its value.
func (b *browser) eval(expression string, value any) {
	b.t.Helper()
	var result struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.do("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &result)
	if result.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, result.ExceptionDetails)
	}
	if err := json.Unmarshal(result.Result.Value, value); err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
}

// complaints returns what the console and the log of the page say, and requests of other addresses.
func (b *browser) complaints(origin string) (all []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		switch e.Method {
		case "Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown":
			if !strings.Contains(string(e.Params), "favicon") {
				all = append(all, string(e.Params))
			}
		case "Network.requestWillBeSent":
			var sent struct{ Request struct{ URL string } }
			if err := json.Unmarshal(e.Params, &sent); err != nil || !strings.HasPrefix(sent.Request.URL, origin) {
				all = append(all, "a request for "+sent.Request.URL)
			}
		}
	}
	return all
}

// screenshot writes an image of the whole page to the directory of the environment variable
// SCREENSHOTS, if it is set.
func (b *browser) screenshot(name string) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	var shot struct{ Data string }
	b.do("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true, "clip": map[string]any{
		"x": 0, "y": 0, "width": 1400, "height": 1800, "scale": 1}}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// roles returns the roles and names of the accessibility tree: "heading Connections".
func (b *browser) roles() (all []string) {
	var tree struct {
		Nodes []struct {
			Ignored    bool
			Role, Name struct{ Value any }
		}
	}
	b.do("Accessibility.getFullAXTree", nil, &tree)
	for _, n := range tree.Nodes {
		if !n.Ignored {
			all = append(all, fmt.Sprint(n.Role.Value, " ", n.Name.Value))
		}
	}
	return all
}

// contrasts is a script that returns the texts whose contrast with what is behind them is below 4.5
// (WCAG 2.1, AA).
const contrasts = `(() => {
  const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length > 3 && m[3] === 0 ? null : m.slice(0, 3) };
  const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 }); return .2126*r + .7152*g + .0722*b };
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c) return c } return [255, 255, 255] };
  const bad = [];
  for (const e of document.body.querySelectorAll('*')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const a = light(parse(getComputedStyle(e).color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) bad.push(e.textContent.trim().slice(0, 40) + ' ' + ratio.toFixed(2));
  }
  return bad;
})()`

// TestInABrowser looks at the pages in Chromium, on a phone, a tablet and a desk, by day and by
// night.
func TestInABrowser(t *testing.T) {
	b := startBrowser(t)
	policy := runtime.Policy{
		Timeout: 2 * time.Second, Concurrency: runtime.Concurrency{Limit: 10, MaxWait: time.Second},
		Rates: []runtime.Rate{{PerSecond: 1e-6, Burst: 200, Key: runtime.ByMethod}},
	}
	srv, page := serve(t, policy, []admin.Option{admin.WithProfiles()})
	call(t, srv, 20)
	call(t, srv, 2, "fail", "fault")
	call(t, srv, 2, "fail", "<script>document.title='hacked'</script> "+strings.Repeat("a-word-that-does-not-end-", 9))
	call(t, srv, 180)
	origin := "http://" + page.Addr().String()
	for name, path := range map[string]string{"overview": "/", "method": "/method?name=/test.v1.Echo/One"} {
		for _, width := range []int{360, 800, 1400} {
			for _, scheme := range []string{"light", "dark"} {
				t.Run(fmt.Sprint(name, width, scheme), func(t *testing.T) {
					b.t = t
					b.open(origin+path, width, scheme)
					checkPage(t, b, origin, width, scheme)
					b.screenshot(fmt.Sprint(name, width, scheme))
				})
			}
		}
	}
	b.t = t
}

// checkPage checks what holds for each page at each width.
func checkPage(t *testing.T, b *browser, origin string, width int, scheme string) {
	var got struct {
		Width, Scripts int
		Title, Color   string
	}
	b.eval(`({width: document.documentElement.scrollWidth, scripts: document.scripts.length, title: document.title,
		color: getComputedStyle(document.body).backgroundColor})`, &got)
	if got.Width > width || got.Scripts > 0 || strings.Contains(got.Title, "hacked") {
		t.Errorf("the page is %d wide, has %d scripts and the title %q", got.Width, got.Scripts, got.Title)
	}
	if want := map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(15, 20, 26)"}[scheme]; got.Color != want {
		t.Errorf("the background is %s, want %s", got.Color, want)
	}
	if complaints := b.complaints(origin); len(complaints) > 0 {
		t.Errorf("the browser complains: %q", complaints)
	}
	var low []string
	if b.eval(contrasts, &low); len(low) > 0 {
		t.Errorf("texts without contrast: %q", low)
	}
	roles := b.roles()
	for _, want := range []string{"main ", "heading Failed calls", "link Skip to the content", "table", "columnheader", "rowheader"} {
		if !slices.ContainsFunc(roles, func(role string) bool { return strings.HasPrefix(role, want) }) {
			t.Errorf("a screen reader has no %q in %q", want, roles)
		}
	}
	checkKeyboard(t, b)
}

// checkKeyboard checks that the Tab key reaches the link to the content first, and that what has
// the focus can be seen.
func checkKeyboard(t *testing.T, b *browser) {
	b.do("Input.dispatchKeyEvent", map[string]any{"type": "rawKeyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}, nil)
	b.do("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}, nil)
	var focused struct {
		Text  string
		Left  float64
		Width string
	}
	b.eval(`({text: document.activeElement.textContent.slice(0, 30), left: document.activeElement.getBoundingClientRect().left,
		width: getComputedStyle(document.activeElement).outlineWidth})`, &focused)
	if focused.Text != "Skip to the content" || focused.Left < 0 || focused.Width != "3px" {
		t.Errorf("after Tab, the focus is on %+v", focused)
	}
}
