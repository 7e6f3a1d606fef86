package metric

// Labels of methods, as dashboards of go-grpc-middleware spell them.
const (
	LabelType    = "grpc_type"    // unary, client_stream, server_stream or bidi_stream
	LabelService = "grpc_service" // library.v1.BookService
	LabelMethod  = "grpc_method"  // GetBook
	LabelCode    = "grpc_code"    // OK, NotFound: as [google.golang.org/grpc/codes.Code] spells them
)

// Other labels.
const (
	LabelName   = "name"   // of a part of which a process has several, such as a hub
	LabelStep   = "step"   // of the pipeline, as docs/pipeline.md names it
	LabelReason = "reason" // of an error, as docs/errors.md names it
	LabelState  = "state"
	LabelFile   = "file"   // a path
	LabelPolicy = "policy" // for slow members of rooms
	LabelResult = "result"
	LabelIssuer = "issuer" // of tokens
)

// Labels of [BuildInfo].
const (
	LabelVersion   = "version"    // of the program's main module
	LabelRevision  = "revision"   // of its source
	LabelGoVersion = "go_version" // go1.26.1
	LabelRuntime   = "runtime"    // the version of grpcservice
	LabelGRPC      = "grpc"       // the version of grpc-go
)

// Calls of a server, as dashboards of go-grpc-middleware name them.
const (
	ServerStarted         = "grpc_server_started_total"
	ServerHandled         = "grpc_server_handled_total"
	ServerReceived        = "grpc_server_msg_received_total"
	ServerSent            = "grpc_server_msg_sent_total"
	ServerHandlingSeconds = "grpc_server_handling_seconds"
)

// Calls of a client, as dashboards of go-grpc-middleware name them.
const (
	ClientStarted         = "grpc_client_started_total"
	ClientHandled         = "grpc_client_handled_total"
	ClientReceived        = "grpc_client_msg_received_total"
	ClientSent            = "grpc_client_msg_sent_total"
	ClientHandlingSeconds = "grpc_client_handling_seconds"
)

// Calls, besides.
const (
	ServerRejected       = "grpcservice_server_rejected_total"
	ServerUnknownMethods = "grpcservice_server_unknown_methods_total"
	ClientAttempts       = "grpcservice_client_additional_attempts_total"
)

// The export of spans.
const (
	OTLPSpans   = "grpcservice_otlp_spans_total"
	OTLPWaiting = "grpcservice_otlp_waiting_spans"
)

// The state of a server.
const (
	ServerRunning            = "grpcservice_server_running_calls"
	ServerCalls              = "grpcservice_server_calls"
	ServerCallsLimit         = "grpcservice_server_calls_limit"
	ServerConnections        = "grpcservice_server_connections"
	ServerConnectionsLimit   = "grpcservice_server_connections_limit"
	ServerDraining           = "grpcservice_server_draining"
	ServerConcurrencyLimit   = "grpcservice_server_concurrency_limit"
	ServerConcurrencyRunning = "grpcservice_server_concurrency_running"
	ServerConcurrencyWaiting = "grpcservice_server_concurrency_waiting"
	ServerHandshakes         = "grpcservice_server_handshakes"
	ServerHandshakesFailed   = "grpcservice_server_handshakes_failed_total"
	ServerAccepted           = "grpcservice_server_connections_accepted_total"
	ServerClosed             = "grpcservice_server_connections_rejected_total"
	ServerServing            = "grpcservice_server_service_serving"
	ServerPolicyRejected     = "grpcservice_server_policy_file_rejected"
	ServerBackground         = "grpcservice_server_background_functions"
	ServerCertificateExpiry  = "grpcservice_server_certificate_expiry_timestamp_seconds"
	ServerObserverPanics     = "grpcservice_server_observer_panics_total"
	BuildInfo                = "grpcservice_build_info"
)

// Rooms.
const (
	HubRooms        = "grpcservice_hub_rooms"
	HubMembers      = "grpcservice_hub_members"
	HubQueuedBytes  = "grpcservice_hub_queued_bytes"
	HubPublished    = "grpcservice_hub_published_total"
	HubConflated    = "grpcservice_hub_conflated_total"
	HubLost         = "grpcservice_hub_lost_total"
	HubDisconnected = "grpcservice_hub_slow_members_disconnected_total"
	HubBusReceived  = "grpcservice_hub_bus_received_total"
	HubBusLost      = "grpcservice_hub_bus_lost_total"
	HubBusFailures  = "grpcservice_hub_bus_failures_total"
)

// Idempotency keys.
const (
	IdempotencyCalls   = "grpcservice_idempotency_calls_total"
	IdempotencyUnsaved = "grpcservice_idempotency_unsaved_total"
)

// Logs of events, and subscriptions to them.
const (
	EventlogAppended     = "grpcservice_eventlog_appended_total"
	EventlogEntries      = "grpcservice_eventlog_entries"
	EventlogBytes        = "grpcservice_eventlog_bytes"
	EventlogTrimmed      = "grpcservice_eventlog_trimmed_total"
	EventlogTailEntries  = "grpcservice_eventlog_tail_entries"
	EventlogTailBytes    = "grpcservice_eventlog_tail_bytes"
	SubscriptionStreams  = "grpcservice_subscription_streams"
	SubscriptionResumed  = "grpcservice_subscription_resumed_total"
	SubscriptionRejected = "grpcservice_subscription_positions_rejected_total"
)

// Uploads.
const (
	UploadStagedBytes      = "grpcservice_upload_staged_bytes"
	UploadStagedBytesLimit = "grpcservice_upload_staged_bytes_limit"
	UploadStagedFiles      = "grpcservice_upload_staged_files"
	UploadStagedFilesLimit = "grpcservice_upload_staged_files_limit"
	UploadStagingRejected  = "grpcservice_upload_staging_rejected_total"
)

// Long-running operations.
const (
	OperationStarted    = "grpcservice_operation_started_total"
	OperationConflicts  = "grpcservice_operation_conflicts_total"
	OperationAttempts   = "grpcservice_operation_attempts_total"
	OperationRetries    = "grpcservice_operation_retries_total"
	OperationLeasesLost = "grpcservice_operation_leases_lost_total"
	OperationFinished   = "grpcservice_operation_finished_total"
	OperationRunning    = "grpcservice_operation_running_attempts"
	OperationWorkers    = "grpcservice_operation_workers"
	OperationUnfinished = "grpcservice_operation_unfinished"
	OperationOldest     = "grpcservice_operation_oldest_unfinished_timestamp_seconds"
)

// Page tokens.
const ServerTokensRejected = "grpcservice_server_page_tokens_rejected_total"

// Rates that replicas share.
const (
	RedislimitCalls    = "grpcservice_redislimit_calls_total"
	RedislimitFailures = "grpcservice_redislimit_failures_total"
	RedislimitOutages  = "grpcservice_redislimit_outages_total"
	RedislimitAway     = "grpcservice_redislimit_away"
)

// Rooms and logs on NATS.
const (
	NatshubDropped = "grpcservice_natshub_dropped_total"
	NatshubRetries = "grpcservice_natshub_retries_total"
	NatshubStalls  = "grpcservice_natshub_stalls_total"
)

// JSON Web Tokens.
const (
	JWTTokens    = "grpcservice_jwtauth_tokens_total"
	JWTKeys      = "grpcservice_jwtauth_keys"
	JWTFetches   = "grpcservice_jwtauth_key_fetches_total"
	JWTKeysUntil = "grpcservice_jwtauth_keys_usable_until_timestamp_seconds"
)
