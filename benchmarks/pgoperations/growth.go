package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

func growth(ctx context.Context, pool *pgxpool.Pool, db *pgstore.DB, rows int, length time.Duration) error {
	return nil
}

func scale(ctx context.Context, pool *pgxpool.Pool, db *pgstore.DB, url string, replicas int, length time.Duration) error {
	return nil
}
