"""The measures with Daytona's official Python SDK, for reference: `bench.py PORT MEASURE [ARGUMENT...]`."""

import asyncio
import json
import os
import resource
import sys
import time

from daytona import AsyncDaytona, Daytona, DaytonaConfig, ListSandboxesQuery

MIB = 1 << 20
TRIPS = 3000
port, name, *arguments = sys.argv[1:]
config = DaytonaConfig(api_key="bench", api_url=f"http://127.0.0.1:{port}/api")


def memory(which):
    """The process's memory in KiB: VmRSS now, VmHWM at most so far."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(which))


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Measure:
    """What the process had used when a measure began."""

    def __init__(self):
        self.cpu, self.idle, self.at = cpu(), memory("VmRSS"), time.perf_counter()

    def report(self, units, trips=None):
        """Prints what was used since, as every measured program does: a line of JSON."""
        wall, used, peak = time.perf_counter() - self.at, cpu() - self.cpu, memory("VmHWM")
        line = {"cpuUs": used * 1e6, "wallUs": wall * 1e6, "units": units, "grownKib": peak - self.idle, "peakKib": peak}
        if trips:
            line["p50Us"] = sorted(trips)[len(trips) // 2] * 1e6
        print(json.dumps(line), flush=True)


def blocking(calls, warm):
    sandbox = Daytona(config).get("sandbox")
    for _ in range(warm):
        sandbox.process.exec("echo hello")
    measure = Measure()
    for _ in range(calls):
        sandbox.process.exec("echo hello")
    measure.report(calls)


async def in_flight(sandbox, width, calls, warm):
    async def run(calls):
        left = iter(range(calls))

        async def work():
            for _ in left:
                await sandbox.process.exec("echo hello")

        await asyncio.gather(*(work() for _ in range(width)))

    await run(warm)
    measure = Measure()
    await run(calls)
    measure.report(calls)


async def echo(sandbox):
    arrived = asyncio.Queue()
    terminal = await sandbox.process.create_pty_session("echo", arrived.put_nowait)
    await terminal.wait_for_connection()
    trips, measure = [], None
    for index in range(2 * TRIPS):
        if index == TRIPS:
            measure = Measure()
        at = time.perf_counter()
        await terminal.send_input("x")
        await arrived.get()
        if index >= TRIPS:
            trips.append(time.perf_counter() - at)
    measure.report(TRIPS, trips)


async def others():
    async with AsyncDaytona(config) as daytona:
        began = Measure()
        sandbox = await daytona.get("sandbox")
        await sandbox.process.exec("echo hello")
        measure = Measure()
        if name == "first":
            began.report(1)
        elif name == "execute-async":
            await in_flight(sandbox, 1, *map(int, arguments))
        elif name == "in-flight":
            await in_flight(sandbox, *map(int, arguments))
        elif name == "upload":
            await sandbox.fs.upload_file(arguments[0], "/tmp/upload")
            measure.report(os.path.getsize(arguments[0]) / MIB)
        elif name == "download":
            await sandbox.fs.download_file("/tmp/download", arguments[0])
            measure.report(os.path.getsize(arguments[0]) / MIB)
        elif name == "read":
            assert len(await sandbox.fs.download_file("/tmp/read")) == 256 * MIB
            measure.report(256)
        elif name == "list":
            count = 0
            async for _ in daytona.list(ListSandboxesQuery(limit=200)):
                count += 1
            assert count == 10_000
            measure.report(1)
        elif name == "log":
            size, count = int(arguments[0]), 0

            def counted(text):
                nonlocal count
                count += len(text)

            await sandbox.process.get_session_command_logs_async("s", f"log-{size}", counted, counted)
            assert count > size * MIB * 0.9
            measure.report(size)
        elif name == "echo":
            await echo(sandbox)
        else:
            sys.exit("no such measure")


if name == "execute":
    blocking(*map(int, arguments))
else:
    asyncio.run(others())
