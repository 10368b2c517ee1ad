#!/usr/bin/env php
<?php
// Creates a sandbox, runs a command, follows its output through a queue, deletes it.
$lib = FFI::cdef(
    file_get_contents(getenv('DAYTONA_CDEF') ?: '/usr/local/include/daytona.cdef'),
    getenv('DAYTONA_LIBRARY') ?: 'libdaytona.so.0',
);
$out = $lib->new('char *');

/** The JSON that a function left in `$out`, or an exception that says it. */
function check(int $status): mixed
{
    global $lib, $out;
    $result = FFI::isNull($out) ? null : json_decode(FFI::string($out));
    $lib->daytona_free($out);
    $out = $lib->new('char *');
    if ($status !== 0) {
        throw new RuntimeException($lib->daytona_status_name($status) . ': ' . ($result->message ?? ''));
    }
    return $result;
}

function follow(int $sandbox, int $queue, string $command): void
{
    global $lib, $out;
    $stream = $lib->new('uint64_t');
    $run = json_encode(['command' => $command]);
    check($lib->daytona_stream_open($sandbox, 'process.run', $run, $queue, 0, FFI::addr($stream), FFI::addr($out)));
    $events = $lib->new('daytona_event_t[16]');
    $count = $lib->new('size_t');
    do {
        check($lib->daytona_queue_next($queue, $events, 16, -1, FFI::addr($count)));
        for ($i = 0; $i < $count->cdata; $i++) {
            $event = $events[$i];
            $data = $event->len > 0 ? FFI::string($event->data, $event->len) : '';
            if ($event->kind === $lib->DAYTONA_DATA) {
                echo $event->channel === $lib->DAYTONA_STDERR ? 'stderr ' : 'stdout ', $data;
            } elseif ($event->kind === $lib->DAYTONA_ENDED) {
                echo "ended $data\n";
                $lib->daytona_close($stream->cdata);
                return;
            }
        }
    } while (true);
}

[$client, $sandbox, $queue] = array_map(fn () => $lib->new('uint64_t'), range(1, 3));
check($lib->daytona_client_open(null, FFI::addr($client), FFI::addr($out)));
check($lib->daytona_sandbox_create($client->cdata, null, FFI::addr($sandbox), FFI::addr($out), null));
try {
    check($lib->daytona_queue_open(null, FFI::addr($queue), FFI::addr($out)));
    follow($sandbox->cdata, $queue->cdata, 'for i in 1 2 3; do echo out $i; echo err $i >&2; sleep 0.1; done; exit 4');
} finally {
    check($lib->daytona_sandbox_delete($sandbox->cdata, null, FFI::addr($out), null));
    array_map(fn ($handle) => $lib->daytona_close($handle->cdata), [$queue, $sandbox, $client]);
    $lib->daytona_shutdown(10000); // finishes what the closing began
}
