#!/usr/bin/env luajit
-- Creates a sandbox, runs a command, follows its output through a queue, deletes it.
local ffi = require "ffi"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end
ffi.cdef(read(os.getenv "DAYTONA_CDEF" or "/usr/local/include/daytona.cdef"))
local lib = ffi.load(os.getenv "DAYTONA_LIBRARY" or "libdaytona.so.0")

local out, literal = ffi.new "char *[1]", ffi.new "char *[1]"

-- The text that a function left in `out`, or an error that says it.
local function check(status)
  local text = out[0] ~= nil and ffi.string(out[0]) or nil
  lib.daytona_free(out[0])
  out[0] = nil
  if status ~= 0 then error(ffi.string(lib.daytona_status_name(status)) .. ": " .. tostring(text), 0) end
  return text
end

local function quote(text)
  assert(lib.daytona_json_quote(text, #text, literal) == 0)
  local quoted = ffi.string(literal[0])
  lib.daytona_free(literal[0])
  return quoted
end

local client, sandbox, queue, stream = ffi.new "uint64_t[1]", ffi.new "uint64_t[1]", ffi.new "uint64_t[1]", ffi.new "uint64_t[1]"

local function follow(command)
  check(lib.daytona_queue_open(nil, queue, out))
  check(lib.daytona_stream_open(sandbox[0], "process.run", '{"command":' .. quote(command) .. "}", queue[0], 0, stream, out))
  local events, count = ffi.new "daytona_event_t[16]", ffi.new "size_t[1]"
  while true do
    check(lib.daytona_queue_next(queue[0], events, 16, -1, count))
    for i = 0, tonumber(count[0]) - 1 do
      local event = events[i]
      if event.kind == lib.DAYTONA_DATA then
        io.write(event.channel == lib.DAYTONA_STDERR and "stderr " or "stdout ", ffi.string(event.data, event.len))
      elseif event.kind == lib.DAYTONA_ENDED then
        return print("ended " .. ffi.string(event.data, event.len))
      end
    end
  end
end

check(lib.daytona_client_open(nil, client, out))
check(lib.daytona_sandbox_create(client[0], nil, sandbox, out, nil))
local ok, problem = pcall(follow, "for i in 1 2 3; do echo out $i; echo err $i >&2; sleep 0.1; done; exit 4")
check(lib.daytona_sandbox_delete(sandbox[0], nil, out, nil))
for _, handle in ipairs { stream, queue, sandbox, client } do lib.daytona_close(handle[0]) end
lib.daytona_shutdown(10000) -- finishes what the closing began
assert(ok, problem)
