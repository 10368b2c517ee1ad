/*
 * The interface as it was promised, written down once and apart from the header: the layout of an event, the numbers
 * of the constants, the signature of every function. It compiles against daytona.h only where the two agree, so a
 * change of the interface is a change here, by hand. It was derived from the design and the list of operations
 * when they were settled, not from the source.
 *
 * A handle is written as uint64_t, which is what a caller without the header declares.
 */
#include <daytona.h>
#include <stddef.h>
#include <stdint.h>

/* The layout of an event. */
_Static_assert(sizeof(daytona_event_t) == 64, "event");
_Static_assert(offsetof(daytona_event_t, source) == 0, "source");
_Static_assert(offsetof(daytona_event_t, user_data) == 8, "user_data");
_Static_assert(offsetof(daytona_event_t, result) == 16, "result");
_Static_assert(offsetof(daytona_event_t, position) == 24, "position");
_Static_assert(offsetof(daytona_event_t, data) == 32, "data");
_Static_assert(offsetof(daytona_event_t, len) == 40, "len");
_Static_assert(offsetof(daytona_event_t, kind) == 48, "kind");
_Static_assert(offsetof(daytona_event_t, status) == 52, "status");
_Static_assert(offsetof(daytona_event_t, channel) == 56, "channel");

/* The constants. */
_Static_assert(DAYTONA_OK == 0, "OK");
_Static_assert(DAYTONA_INVALID_ARGUMENT == 1, "INVALID_ARGUMENT");
_Static_assert(DAYTONA_INVALID_HANDLE == 2, "INVALID_HANDLE");
_Static_assert(DAYTONA_INVALID_JSON == 3, "INVALID_JSON");
_Static_assert(DAYTONA_TIMEOUT == 4, "TIMEOUT");
_Static_assert(DAYTONA_CANCELLED == 5, "CANCELLED");
_Static_assert(DAYTONA_CONNECTION == 6, "CONNECTION");
_Static_assert(DAYTONA_TLS == 7, "TLS");
_Static_assert(DAYTONA_PROTOCOL == 8, "PROTOCOL");
_Static_assert(DAYTONA_CLOSED == 9, "CLOSED");
_Static_assert(DAYTONA_SLOW_CONSUMER == 10, "SLOW_CONSUMER");
_Static_assert(DAYTONA_IO == 11, "IO");
_Static_assert(DAYTONA_FORKED == 12, "FORKED");
_Static_assert(DAYTONA_PANIC == 13, "PANIC");
_Static_assert(DAYTONA_UNSUPPORTED == 14, "UNSUPPORTED");
_Static_assert(DAYTONA_BUSY == 15, "BUSY");
_Static_assert(DAYTONA_QUEUE_FULL == 16, "QUEUE_FULL");
_Static_assert(DAYTONA_WOULD_BLOCK == 17, "WOULD_BLOCK");
_Static_assert(DAYTONA_END_OF_STREAM == 18, "END_OF_STREAM");
_Static_assert(DAYTONA_NO_MATCH == 19, "NO_MATCH");
_Static_assert(DAYTONA_SANDBOX_FAILED == 20, "SANDBOX_FAILED");
_Static_assert(DAYTONA_CONFIGURATION == 21, "CONFIGURATION");
_Static_assert(DAYTONA_DONE == 1, "DONE");
_Static_assert(DAYTONA_OPENED == 2, "OPENED");
_Static_assert(DAYTONA_DATA == 3, "DATA");
_Static_assert(DAYTONA_PROGRESS == 4, "PROGRESS");
_Static_assert(DAYTONA_ENDED == 5, "ENDED");
_Static_assert(DAYTONA_WRITABLE == 6, "WRITABLE");
_Static_assert(DAYTONA_LOG == 7, "LOG");
_Static_assert(DAYTONA_NONE == 0, "NONE");
_Static_assert(DAYTONA_STDOUT == 1, "STDOUT");
_Static_assert(DAYTONA_STDERR == 2, "STDERR");
_Static_assert(DAYTONA_STRUCTURED == 3, "STRUCTURED");
_Static_assert(DAYTONA_LOG_OFF == 0, "LOG_OFF");
_Static_assert(DAYTONA_LOG_ERROR == 1, "LOG_ERROR");
_Static_assert(DAYTONA_LOG_WARN == 2, "LOG_WARN");
_Static_assert(DAYTONA_LOG_INFO == 3, "LOG_INFO");
_Static_assert(DAYTONA_LOG_DEBUG == 4, "LOG_DEBUG");
_Static_assert(DAYTONA_HTTP_BAD_REQUEST == 400, "HTTP_BAD_REQUEST");
_Static_assert(DAYTONA_HTTP_AUTHENTICATION == 401, "HTTP_AUTHENTICATION");
_Static_assert(DAYTONA_HTTP_FORBIDDEN == 403, "HTTP_FORBIDDEN");
_Static_assert(DAYTONA_HTTP_NOT_FOUND == 404, "HTTP_NOT_FOUND");
_Static_assert(DAYTONA_HTTP_REQUEST_TIMEOUT == 408, "HTTP_REQUEST_TIMEOUT");
_Static_assert(DAYTONA_HTTP_CONFLICT == 409, "HTTP_CONFLICT");
_Static_assert(DAYTONA_HTTP_GONE == 410, "HTTP_GONE");
_Static_assert(DAYTONA_HTTP_UNPROCESSABLE_ENTITY == 422, "HTTP_UNPROCESSABLE_ENTITY");
_Static_assert(DAYTONA_HTTP_RATE_LIMIT == 429, "HTTP_RATE_LIMIT");
_Static_assert(DAYTONA_HTTP_INTERNAL_SERVER == 500, "HTTP_INTERNAL_SERVER");
_Static_assert(DAYTONA_HTTP_BAD_GATEWAY == 502, "HTTP_BAD_GATEWAY");
_Static_assert(DAYTONA_HTTP_SERVICE_UNAVAILABLE == 503, "HTTP_SERVICE_UNAVAILABLE");
_Static_assert(DAYTONA_HTTP_GATEWAY_TIMEOUT == 504, "HTTP_GATEWAY_TIMEOUT");

/* The functions that are written by hand. */
int32_t (*check_daytona_client_open)(const char *config, daytona_client_t *client, char **out) = daytona_client_open;
int32_t (*check_daytona_echo_open)(const char *config, daytona_client_t *client, char **out) = daytona_echo_open;
int32_t (*check_daytona_close)(uint64_t handle) = daytona_close;
void (*check_daytona_free)(void *pointer) = daytona_free;
int32_t (*check_daytona_call)(uint64_t target, const char *operation, const char *params, const uint8_t *body, size_t body_len, uint64_t *result, char **out, size_t *out_len) = daytona_call;
int32_t (*check_daytona_submit)(uint64_t target, const char *operation, const char *params, const uint8_t *body, size_t body_len, daytona_queue_t queue, uint64_t user_data, daytona_call_t *call, char **out) = daytona_submit;
int32_t (*check_daytona_cancel)(daytona_call_t call) = daytona_cancel;
int32_t (*check_daytona_queue_open)(const char *options, daytona_queue_t *queue, char **out) = daytona_queue_open;
int32_t (*check_daytona_queue_open_callback)(const char *options, daytona_callback_t callback, void *context, daytona_queue_t *queue, char **out) = daytona_queue_open_callback;
int32_t (*check_daytona_queue_next)(daytona_queue_t queue, daytona_event_t *events, size_t capacity, int64_t timeout_ms, size_t *count) = daytona_queue_next;
int32_t (*check_daytona_queue_wake)(daytona_queue_t queue) = daytona_queue_wake;
int32_t (*check_daytona_queue_fd)(daytona_queue_t queue, int64_t *fd) = daytona_queue_fd;
int32_t (*check_daytona_event_take)(const daytona_event_t *event, char **data) = daytona_event_take;
int32_t (*check_daytona_stream_open)(uint64_t target, const char *operation, const char *params, daytona_queue_t queue, uint64_t user_data, daytona_stream_t *stream, char **out) = daytona_stream_open;
int32_t (*check_daytona_stream_read)(daytona_stream_t stream, uint8_t *buffer, size_t capacity, int64_t timeout_ms, size_t *count, int32_t *channel) = daytona_stream_read;
int32_t (*check_daytona_stream_each)(daytona_stream_t stream, daytona_callback_t callback, void *context, char **out, size_t *out_len) = daytona_stream_each;
int32_t (*check_daytona_stream_write)(daytona_stream_t stream, const uint8_t *data, size_t len, int64_t timeout_ms, size_t *written, char **out) = daytona_stream_write;
int32_t (*check_daytona_stream_finish)(daytona_stream_t stream, char **out) = daytona_stream_finish;
int32_t (*check_daytona_stream_resume)(daytona_stream_t stream) = daytona_stream_resume;
int32_t (*check_daytona_stream_result)(daytona_stream_t stream, int64_t timeout_ms, char **out, size_t *out_len) = daytona_stream_result;
int32_t (*check_daytona_log)(int32_t level, daytona_queue_t queue, uint64_t user_data) = daytona_log;
int32_t (*check_daytona_shutdown)(int64_t timeout_ms) = daytona_shutdown;
uint32_t (*check_daytona_abi_version)(void) = daytona_abi_version;
const char * (*check_daytona_version)(void) = daytona_version;
const char * (*check_daytona_protocol_version)(void) = daytona_protocol_version;
const char * (*check_daytona_status_name)(int32_t status) = daytona_status_name;
const char * (*check_daytona_operations)(void) = daytona_operations;
int32_t (*check_daytona_json_text)(const char *json, const char *pointer, char **text, size_t *len) = daytona_json_text;
int32_t (*check_daytona_json_raw)(const char *json, const char *pointer, char **value, size_t *len) = daytona_json_raw;
int32_t (*check_daytona_json_int)(const char *json, const char *pointer, int64_t *value) = daytona_json_int;
int32_t (*check_daytona_json_number)(const char *json, const char *pointer, double *value) = daytona_json_number;
int32_t (*check_daytona_json_bool)(const char *json, const char *pointer, int32_t *value) = daytona_json_bool;
int32_t (*check_daytona_json_count)(const char *json, const char *pointer, size_t *count) = daytona_json_count;
int32_t (*check_daytona_json_quote)(const char *text, size_t len, char **literal) = daytona_json_quote;

/* The operations. */
int32_t (*check_daytona_client_config)(uint64_t client, const char *options, char **out, size_t *out_len) = daytona_client_config;
int32_t (*check_daytona_sandbox_get)(uint64_t client, const char *id_or_name, const char *options, uint64_t *result, char **out, size_t *out_len) = daytona_sandbox_get;
int32_t (*check_daytona_sandbox_find)(uint64_t client, const char *options, uint64_t *result, char **out, size_t *out_len) = daytona_sandbox_find;
int32_t (*check_daytona_sandbox_list)(uint64_t client, const char *options, char **out, size_t *out_len) = daytona_sandbox_list;
int32_t (*check_daytona_sandbox_attach)(uint64_t client, const char *sandbox, const char *options, uint64_t *result, char **out, size_t *out_len) = daytona_sandbox_attach;
int32_t (*check_daytona_sandbox_start)(uint64_t sandbox, const char *options, char **out, size_t *out_len) = daytona_sandbox_start;
int32_t (*check_daytona_sandbox_stop)(uint64_t sandbox, const char *options, char **out, size_t *out_len) = daytona_sandbox_stop;
int32_t (*check_daytona_sandbox_archive)(uint64_t sandbox, const char *options, char **out, size_t *out_len) = daytona_sandbox_archive;
int32_t (*check_daytona_sandbox_delete)(uint64_t sandbox, const char *options, char **out, size_t *out_len) = daytona_sandbox_delete;
int32_t (*check_daytona_sandbox_refresh)(uint64_t sandbox, const char *options, char **out, size_t *out_len) = daytona_sandbox_refresh;
int32_t (*check_daytona_sandbox_wait)(uint64_t sandbox, const char *states, const char *options, char **out, size_t *out_len) = daytona_sandbox_wait;
int32_t (*check_daytona_sandbox_wait_for_start)(uint64_t sandbox, const char *options, char **out, size_t *out_len) = daytona_sandbox_wait_for_start;
int32_t (*check_daytona_sandbox_wait_for_stop)(uint64_t sandbox, const char *options, char **out, size_t *out_len) = daytona_sandbox_wait_for_stop;
int32_t (*check_daytona_sandbox_wait_for_resize)(uint64_t sandbox, const char *options, char **out, size_t *out_len) = daytona_sandbox_wait_for_resize;
int32_t (*check_daytona_sandbox_set_labels)(uint64_t sandbox, const char *labels, const char *options, char **out, size_t *out_len) = daytona_sandbox_set_labels;
int32_t (*check_daytona_sandbox_set_auto_stop)(uint64_t sandbox, int32_t minutes, const char *options, char **out, size_t *out_len) = daytona_sandbox_set_auto_stop;
int32_t (*check_daytona_sandbox_set_auto_archive)(uint64_t sandbox, int32_t minutes, const char *options, char **out, size_t *out_len) = daytona_sandbox_set_auto_archive;
int32_t (*check_daytona_sandbox_set_auto_delete)(uint64_t sandbox, int32_t minutes, const char *options, char **out, size_t *out_len) = daytona_sandbox_set_auto_delete;
int32_t (*check_daytona_sandbox_resize)(uint64_t sandbox, const char *resources, const char *options, char **out, size_t *out_len) = daytona_sandbox_resize;
int32_t (*check_daytona_sandbox_home_dir)(uint64_t sandbox, const char *options, char **out, size_t *out_len) = daytona_sandbox_home_dir;
int32_t (*check_daytona_sandbox_work_dir)(uint64_t sandbox, const char *options, char **out, size_t *out_len) = daytona_sandbox_work_dir;
int32_t (*check_daytona_sandbox_info)(uint64_t sandbox, const char *options, char **out, size_t *out_len) = daytona_sandbox_info;
int32_t (*check_daytona_sandbox_preview_link)(uint64_t sandbox, int32_t port, const char *options, char **out, size_t *out_len) = daytona_sandbox_preview_link;
int32_t (*check_daytona_process_execute)(uint64_t sandbox, const char *command, const char *options, char **out, size_t *out_len) = daytona_process_execute;
int32_t (*check_daytona_process_code_run)(uint64_t sandbox, const char *code, const char *options, char **out, size_t *out_len) = daytona_process_code_run;
int32_t (*check_daytona_process_run)(uint64_t sandbox, const char *command, const char *options, char **out, size_t *out_len) = daytona_process_run;
int32_t (*check_daytona_session_create)(uint64_t sandbox, const char *id, const char *options, char **out, size_t *out_len) = daytona_session_create;
int32_t (*check_daytona_session_delete)(uint64_t sandbox, const char *id, const char *options, char **out, size_t *out_len) = daytona_session_delete;
int32_t (*check_daytona_session_get)(uint64_t sandbox, const char *id, const char *options, char **out, size_t *out_len) = daytona_session_get;
int32_t (*check_daytona_session_list)(uint64_t sandbox, const char *options, char **out, size_t *out_len) = daytona_session_list;
int32_t (*check_daytona_session_execute)(uint64_t sandbox, const char *id, const char *command, const char *options, char **out, size_t *out_len) = daytona_session_execute;
int32_t (*check_daytona_session_command)(uint64_t sandbox, const char *id, const char *command_id, const char *options, char **out, size_t *out_len) = daytona_session_command;
int32_t (*check_daytona_session_logs)(uint64_t sandbox, const char *id, const char *command_id, const char *options, char **out, size_t *out_len) = daytona_session_logs;
int32_t (*check_daytona_session_input)(uint64_t sandbox, const char *id, const char *command_id, const char *data, const char *options, char **out, size_t *out_len) = daytona_session_input;
int32_t (*check_daytona_session_entrypoint)(uint64_t sandbox, const char *options, char **out, size_t *out_len) = daytona_session_entrypoint;
int32_t (*check_daytona_session_entrypoint_logs)(uint64_t sandbox, const char *options, char **out, size_t *out_len) = daytona_session_entrypoint_logs;
int32_t (*check_daytona_pty_create)(uint64_t sandbox, const char *id, const char *options, char **out, size_t *out_len) = daytona_pty_create;
int32_t (*check_daytona_pty_list)(uint64_t sandbox, const char *options, char **out, size_t *out_len) = daytona_pty_list;
int32_t (*check_daytona_pty_info)(uint64_t sandbox, const char *id, const char *options, char **out, size_t *out_len) = daytona_pty_info;
int32_t (*check_daytona_pty_resize)(uint64_t sandbox, const char *id, int32_t cols, int32_t rows, const char *options, char **out, size_t *out_len) = daytona_pty_resize;
int32_t (*check_daytona_pty_kill)(uint64_t sandbox, const char *id, const char *options, char **out, size_t *out_len) = daytona_pty_kill;
int32_t (*check_daytona_files_list)(uint64_t sandbox, const char *path, const char *options, char **out, size_t *out_len) = daytona_files_list;
int32_t (*check_daytona_files_info)(uint64_t sandbox, const char *path, const char *options, char **out, size_t *out_len) = daytona_files_info;
int32_t (*check_daytona_files_mkdir)(uint64_t sandbox, const char *path, const char *options, char **out, size_t *out_len) = daytona_files_mkdir;
int32_t (*check_daytona_files_delete)(uint64_t sandbox, const char *path, const char *options, char **out, size_t *out_len) = daytona_files_delete;
int32_t (*check_daytona_files_move)(uint64_t sandbox, const char *source, const char *destination, const char *options, char **out, size_t *out_len) = daytona_files_move;
int32_t (*check_daytona_files_set_permissions)(uint64_t sandbox, const char *path, const char *options, char **out, size_t *out_len) = daytona_files_set_permissions;
int32_t (*check_daytona_files_search)(uint64_t sandbox, const char *path, const char *pattern, const char *options, char **out, size_t *out_len) = daytona_files_search;
int32_t (*check_daytona_files_find)(uint64_t sandbox, const char *path, const char *pattern, const char *options, char **out, size_t *out_len) = daytona_files_find;
int32_t (*check_daytona_files_replace)(uint64_t sandbox, const char *files, const char *pattern, const char *new_value, const char *options, char **out, size_t *out_len) = daytona_files_replace;
int32_t (*check_daytona_files_write)(uint64_t sandbox, const char *path, const uint8_t *data, size_t len, const char *options, char **out, size_t *out_len) = daytona_files_write;
int32_t (*check_daytona_files_read)(uint64_t sandbox, const char *path, const char *options, char **out, size_t *out_len) = daytona_files_read;
int32_t (*check_daytona_files_upload)(uint64_t sandbox, const char *local_path, const char *remote_path, const char *options, char **out, size_t *out_len) = daytona_files_upload;
int32_t (*check_daytona_files_download)(uint64_t sandbox, const char *remote_path, const char *local_path, const char *options, char **out, size_t *out_len) = daytona_files_download;
int32_t (*check_daytona_files_upload_many)(uint64_t sandbox, const char *files, const char *options, char **out, size_t *out_len) = daytona_files_upload_many;
int32_t (*check_daytona_files_download_many)(uint64_t sandbox, const char *files, const char *options, char **out, size_t *out_len) = daytona_files_download_many;
int32_t (*check_daytona_sandbox_create)(uint64_t client, const char *options, uint64_t *result, char **out, size_t *out_len) = daytona_sandbox_create;
int32_t (*check_daytona_files_sync_up)(uint64_t sandbox, const char *local_dir, const char *remote_dir, const char *options, char **out, size_t *out_len) = daytona_files_sync_up;
int32_t (*check_daytona_files_sync_down)(uint64_t sandbox, const char *remote_dir, const char *local_dir, const char *options, char **out, size_t *out_len) = daytona_files_sync_down;
int32_t (*check_daytona_git_clone)(uint64_t sandbox, const char *url, const char *path, const char *options, char **out, size_t *out_len) = daytona_git_clone;
int32_t (*check_daytona_git_branches)(uint64_t sandbox, const char *path, const char *options, char **out, size_t *out_len) = daytona_git_branches;
int32_t (*check_daytona_git_status)(uint64_t sandbox, const char *path, const char *options, char **out, size_t *out_len) = daytona_git_status;
int32_t (*check_daytona_git_create_branch)(uint64_t sandbox, const char *path, const char *name, const char *options, char **out, size_t *out_len) = daytona_git_create_branch;
int32_t (*check_daytona_git_checkout)(uint64_t sandbox, const char *path, const char *branch, const char *options, char **out, size_t *out_len) = daytona_git_checkout;
int32_t (*check_daytona_git_delete_branch)(uint64_t sandbox, const char *path, const char *name, const char *options, char **out, size_t *out_len) = daytona_git_delete_branch;
int32_t (*check_daytona_git_add)(uint64_t sandbox, const char *path, const char *files, const char *options, char **out, size_t *out_len) = daytona_git_add;
int32_t (*check_daytona_git_commit)(uint64_t sandbox, const char *path, const char *message, const char *author, const char *email, const char *options, char **out, size_t *out_len) = daytona_git_commit;
int32_t (*check_daytona_git_pull)(uint64_t sandbox, const char *path, const char *options, char **out, size_t *out_len) = daytona_git_pull;
int32_t (*check_daytona_git_push)(uint64_t sandbox, const char *path, const char *options, char **out, size_t *out_len) = daytona_git_push;
int32_t (*check_daytona_git_init)(uint64_t sandbox, const char *path, const char *options, char **out, size_t *out_len) = daytona_git_init;
int32_t (*check_daytona_git_reset)(uint64_t sandbox, const char *path, const char *options, char **out, size_t *out_len) = daytona_git_reset;
int32_t (*check_daytona_git_restore)(uint64_t sandbox, const char *path, const char *files, const char *options, char **out, size_t *out_len) = daytona_git_restore;
int32_t (*check_daytona_git_add_remote)(uint64_t sandbox, const char *path, const char *name, const char *url, const char *options, char **out, size_t *out_len) = daytona_git_add_remote;
int32_t (*check_daytona_git_config_set)(uint64_t sandbox, const char *key, const char *value, const char *options, char **out, size_t *out_len) = daytona_git_config_set;
int32_t (*check_daytona_git_config_user)(uint64_t sandbox, const char *name, const char *email, const char *options, char **out, size_t *out_len) = daytona_git_config_user;
int32_t (*check_daytona_git_authenticate)(uint64_t sandbox, const char *username, const char *password, const char *options, char **out, size_t *out_len) = daytona_git_authenticate;
int32_t (*check_daytona_git_remotes)(uint64_t sandbox, const char *path, const char *options, char **out, size_t *out_len) = daytona_git_remotes;
int32_t (*check_daytona_git_config_get)(uint64_t sandbox, const char *key, const char *options, char **out, size_t *out_len) = daytona_git_config_get;
int32_t (*check_daytona_git_history)(uint64_t sandbox, const char *path, const char *options, char **out, size_t *out_len) = daytona_git_history;
int32_t (*check_daytona_image_dockerfile)(uint64_t client, const char *image, const char *options, char **out, size_t *out_len) = daytona_image_dockerfile;
int32_t (*check_daytona_interpreter_run)(uint64_t sandbox, const char *code, const char *options, char **out, size_t *out_len) = daytona_interpreter_run;
int32_t (*check_daytona_interpreter_create_context)(uint64_t sandbox, const char *options, char **out, size_t *out_len) = daytona_interpreter_create_context;
int32_t (*check_daytona_interpreter_list_contexts)(uint64_t sandbox, const char *options, char **out, size_t *out_len) = daytona_interpreter_list_contexts;
int32_t (*check_daytona_interpreter_delete_context)(uint64_t sandbox, const char *id, const char *options, char **out, size_t *out_len) = daytona_interpreter_delete_context;
