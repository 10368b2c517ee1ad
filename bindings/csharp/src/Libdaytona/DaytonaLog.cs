namespace Daytona;

/// <summary>A line of the library's log. No line carries a credential.</summary>
/// <param name="Level">How much it matters.</param>
/// <param name="Message">What happened.</param>
/// <param name="Dropped">How many lines were lost before this one, because nobody took them in time.</param>
public readonly record struct DaytonaLogLine(DaytonaLogLevel Level, string Message, long Dropped);

/// <summary>The library's log, for any logging framework; the package Libdaytona.Extensions brings it to ILogger.</summary>
public static class DaytonaLog
{
    /// <summary>Hands every line to a handler, one at a time, on a thread of its own. One listener in the process has
    /// them: the latest.</summary>
    /// <param name="level">What is told: this and what matters more.</param>
    /// <param name="handler">Takes a line. What it throws is dropped.</param>
    /// <returns>Ends it when it is disposed.</returns>
    public static IDisposable Listen(DaytonaLogLevel level, Action<DaytonaLogLine> handler) =>
        new Listener(level, Parameters.Given(handler));

    private sealed class Listener : Receiver, IDisposable
    {
        /// <summary>The names of the levels, by number.</summary>
        private static readonly string[] Levels = ["off", "error", "warn", "info", "debug"];

        private readonly Action<DaytonaLogLine> _handler;
        private readonly ulong _queue;

        internal unsafe Listener(DaytonaLogLevel level, Action<DaytonaLogLine> handler)
            : base(null)
        {
            NativeLibraryLoader.Ensure();
            _handler = handler;
            DaytonaException.Check(Native.QueueOpenCallback(default, &OnEvent, 0, out _queue, out var error), error);
            Enter();
            var status = Native.Log((int)level, _queue, Number);
            if (status != DaytonaStatus.Ok)
            {
                Dispose();
                throw DaytonaException.Own(status, $"{level} is no level of the log.");
            }
        }

        internal override Task Ending => Task.CompletedTask;

        public void Dispose()
        {
            Leave();
            Native.Close(_queue);
        }

        protected override unsafe DaytonaStatus On(Native.Event* happened)
        {
            var line = ResultReader.Parse(happened->Span, ResultReader.Element);
            var level = Array.IndexOf(Levels, line.GetProperty("level").GetString());
            _handler(new DaytonaLogLine((DaytonaLogLevel)level, line.GetProperty("message").GetString() ?? "", line.GetProperty("dropped").GetInt64()));
            return DaytonaStatus.Ok;
        }
    }
}
