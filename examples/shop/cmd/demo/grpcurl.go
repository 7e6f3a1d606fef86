package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1/shopv1service"
	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/runtime/jwtauth/jwttest"
	"github.com/grpcservice/grpcservice/runtime/operation"
)

// generic calls a server with grpcurl, which has no generated code.
type generic struct {
	ca    string // file
	clerk string // the header of an authorized caller
}

// playGrpcurl calls the server with a generic client.
func playGrpcurl(ctx context.Context, p *platform, addr string) error {
	token, err := p.issuer.Sign(jwttest.Claims{"sub": auth.Clerk, "aud": auth.Audience, "scope": auth.Scopes()[auth.Clerk]})
	if err != nil {
		return err
	}
	g := generic{ca: p.provider.CAFile, clerk: "authorization: Bearer " + token}
	title("Look at the server with grpcurl, which learns all from reflection")
	for _, args := range [][]string{
		{addr, "list"},
		{addr, "describe", shopv1service.ProductServiceName},
		{"-d", `{"query": "tea"}`, addr, shopv1service.ProductServiceName + "/SearchProducts"},
	} {
		if _, err := g.run(ctx, args...); err != nil {
			return err
		}
	}
	if err := g.playPages(ctx, addr); err != nil {
		return err
	}
	return g.playOperation(ctx, addr)
}

// playPages creates users and lists two pages of them.
func (g generic) playPages(ctx context.Context, addr string) error {
	title("The same: many users in one call, and a page at a time")
	users := `{"requests": [{"name": "Grace", "email": "grace@example.com"}, {"name": "Alan", "email": "alan@example.com"}, {"name": "Ada", "email": "ada@example.com"}]}`
	if _, err := g.run(ctx, "-H", g.clerk, "-d", users, addr, shopv1service.UserServiceName+"/BatchCreateUsers"); err != nil {
		return err
	}
	list := map[string]any{"filter": "role = USER_ROLE_MEMBER", "order_by": "name", "page_size": 2}
	for range 2 {
		req, err := json.Marshal(list)
		if err != nil {
			return err
		}
		page, err := g.run(ctx, "-H", g.clerk, "-d", string(req), addr, shopv1service.UserServiceName+"/ListUsers")
		if err != nil {
			return err
		}
		list["page_token"] = page["nextPageToken"]
	}
	return nil
}

// playOperation starts an operation, gets its state, and waits for it.
func (g generic) playOperation(ctx context.Context, addr string) error {
	title("The same: an operation")
	batch := `{"catalogue": "catalogues/main", "items": [{"product_id": 3, "price_cents": 2900}, {"product_id": 4, "price_cents": 690}, {"product_id": 99, "price_cents": 100}]}`
	op, err := g.run(ctx, "-H", g.clerk, "-d", batch, addr, shopv1service.BatchJobServiceName+"/ProcessBatch")
	if err != nil {
		return err
	}
	name := fmt.Sprintf(`{"name": %q}`, op["name"])
	for _, rpc := range []string{shopv1service.BatchJobServiceName + "/GetOperation", operation.ServiceName + "/WaitOperation"} {
		if _, err := g.run(ctx, "-H", g.clerk, "-d", name, addr, rpc); err != nil {
			return err
		}
	}
	return nil
}

// run runs grpcurl and shows its output. If the output is a single message, run returns it.
func (g generic) run(ctx context.Context, args ...string) (message map[string]any, err error) {
	shown := strings.ReplaceAll(quote(args), g.clerk, "authorization: Bearer $TOKEN")
	fmt.Println("$ grpcurl -cacert ca.crt", shown)
	cmd := exec.CommandContext(ctx, "grpcurl", append([]string{"-cacert", g.ca}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(os.Stdout, &out), os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("grpcurl: %w", err)
	}
	_ = json.Unmarshal(out.Bytes(), &message) // fails if the output is something else
	return message, nil
}

// quote returns args as typed in a shell.
func quote(args []string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = arg
		if strings.ContainsAny(arg, ` "{}`) {
			quoted[i] = "'" + arg + "'"
		}
	}
	return strings.Join(quoted, " ")
}
