package callers_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
)

// TestPage uses the page of the shop as a visitor does, while another caller talks in the room over
// gRPC.
func TestPage(t *testing.T) {
	s, b := start(t), startBrowser(t)
	open := func() {
		t.Helper()
		b.do("Page.navigate", map[string]any{"url": "http://" + s.Web + "/"}, nil)
		b.until(`document.querySelectorAll("#products li").length > 0`)
	}
	items := func(list string) string {
		return `[...document.querySelectorAll("#` + list + ` li")].map((item) => item.textContent)`
	}
	fill := func(id, value string) { b.eval(fmt.Sprintf("document.getElementById(%q).value = %q", id, value)) }
	submit := func(form string) { b.eval(fmt.Sprintf("document.getElementById(%q).requestSubmit()", form)) }
	open()

	fill("query", "teapot")
	submit("search")
	b.until(items("products") + `.join() === "Teapot: 32.00"`)

	b.eval(`document.getElementById("more").click()`)
	b.until(`document.getElementById("problem").textContent.startsWith("unauthenticated: ")`)
	fill("token", sign(t, auth.Clerk))
	b.eval(`document.getElementById("more").click()`)
	b.until(items("users") + `.join() === "Ada <Ada@example.com>,Bob <Bob@example.com>"`)
	b.eval(`document.getElementById("more").click()`)
	b.until(items("users") + `.length === 3 && document.getElementById("more").disabled`)

	fill("room", "lobby")
	submit("join")
	b.until(items("messages") + `.includes("shop: clerk has joined")`)
	message := &shopv1.SendMessageRequest{RoomId: "lobby", Content: "hello from gRPC"}
	if _, err := s.chat.SendMessage(s.as.As(within(t), auth.Customer), message); err != nil {
		t.Fatal(err)
	}
	b.until(items("messages") + `.includes("customer: hello from gRPC")`)
	fill("content", "hello from the page")
	submit("send")
	b.until(items("messages") + `.includes("clerk: hello from the page")`)
	fill("room", "")
	submit("join")
	b.until(`document.getElementById("problem").textContent.includes("room_id: must name a room")`)

	for _, complaint := range b.complaints() {
		if !strings.Contains(complaint, `"status of 401`) && !strings.Contains(complaint, "status of 401") {
			t.Errorf("the browser complains: %s", complaint)
		}
	}
	if got := b.eval(`document.getElementById("problem").textContent`); strings.Contains(got, "<") {
		t.Error(got)
	}
}

// TestGRPCWeb calls the shop from a page over gRPC-Web.
func TestGRPCWeb(t *testing.T) {
	s, b := start(t), startBrowser(t)
	b.do("Page.navigate", map[string]any{"url": "http://" + s.Web + "/"}, nil)
	b.until(`document.querySelectorAll("#products li").length > 0`)
	script, err := os.ReadFile("testdata/grpcweb.js")
	if err != nil {
		t.Fatal(err)
	}
	got := b.eval(fmt.Sprintf("%s\nplay(%q)", script, sign(t, auth.Clerk)))
	want := `{"products":["Teapot"],"unauthenticated":["16","UNAUTHENTICATED"],` +
		`"room":["clerk has joined","hello over gRPC-Web"],"invalid":["3","INVALID_REQUEST"]}`
	if got != want {
		t.Errorf("the page has %s, want %s", got, want)
	}
}
