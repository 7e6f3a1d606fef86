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
	"github.com/grpcservice/grpcservice/runtime/operation"
)

// clerk is the header of an authorized caller.
const clerk = "authorization: Bearer " + auth.Clerk

// playGrpcurl calls the server with a generic client that has no generated code.
func playGrpcurl(ctx context.Context, addr string) error {
	title("Look at the server with grpcurl, which learns all from reflection")
	for _, args := range [][]string{
		{addr, "list"},
		{addr, "describe", shopv1service.ProductServiceName},
		{"-d", `{"query": "tea"}`, addr, shopv1service.ProductServiceName + "/SearchProducts"},
	} {
		if _, err := grpcurl(ctx, args...); err != nil {
			return err
		}
	}
	if err := playPages(ctx, addr); err != nil {
		return err
	}
	return playOperation(ctx, addr)
}

// playPages creates users and lists two pages of them.
func playPages(ctx context.Context, addr string) error {
	title("The same: many users in one call, and a page at a time")
	users := `{"requests": [{"name": "Grace", "email": "grace@example.com"}, {"name": "Alan", "email": "alan@example.com"}, {"name": "Ada", "email": "ada@example.com"}]}`
	if _, err := grpcurl(ctx, "-H", clerk, "-d", users, addr, shopv1service.UserServiceName+"/BatchCreateUsers"); err != nil {
		return err
	}
	list := map[string]any{"filter": "role = USER_ROLE_MEMBER", "order_by": "name", "page_size": 2}
	for range 2 {
		req, err := json.Marshal(list)
		if err != nil {
			return err
		}
		page, err := grpcurl(ctx, "-H", clerk, "-d", string(req), addr, shopv1service.UserServiceName+"/ListUsers")
		if err != nil {
			return err
		}
		list["page_token"] = page["nextPageToken"]
	}
	return nil
}

// playOperation starts an operation, gets its state, and waits for it.
func playOperation(ctx context.Context, addr string) error {
	title("The same: an operation")
	batch := `{"catalogue": "catalogues/main", "items": [{"product_id": 3, "price_cents": 2900}, {"product_id": 4, "price_cents": 690}, {"product_id": 99, "price_cents": 100}]}`
	op, err := grpcurl(ctx, "-H", clerk, "-d", batch, addr, shopv1service.BatchJobServiceName+"/ProcessBatch")
	if err != nil {
		return err
	}
	name := fmt.Sprintf(`{"name": %q}`, op["name"])
	for _, rpc := range []string{shopv1service.BatchJobServiceName + "/GetOperation", operation.ServiceName + "/WaitOperation"} {
		if _, err := grpcurl(ctx, "-H", clerk, "-d", name, addr, rpc); err != nil {
			return err
		}
	}
	return nil
}

// grpcurl runs grpcurl and shows its output. If the output is a single message, grpcurl returns it.
func grpcurl(ctx context.Context, args ...string) (message map[string]any, err error) {
	fmt.Println("$ grpcurl -plaintext", quote(args))
	cmd := exec.CommandContext(ctx, "grpcurl", append([]string{"-plaintext"}, args...)...)
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
