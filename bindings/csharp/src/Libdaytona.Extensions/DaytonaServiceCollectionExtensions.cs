using Daytona;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Brings <see cref="DaytonaClient"/> to programs with dependency injection.</summary>
public static class DaytonaServiceCollectionExtensions
{
    /// <summary>Adds one <see cref="DaytonaClient"/> for the whole program. What is not configured comes from the
    /// environment. Where the program has logging, the library's log goes there, in the category <c>Daytona</c>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets options; null: the environment alone.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddDaytona(this IServiceCollection services, Action<DaytonaOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton(static provider => new DaytonaLogForwarder(provider.GetService<ILoggerFactory>()));
        services.TryAddSingleton(provider =>
        {
            _ = provider.GetRequiredService<DaytonaLogForwarder>();
            var options = new DaytonaOptions();
            configure?.Invoke(options);
            return new DaytonaClient(options);
        });
        return services;
    }
}

/// <summary>Hands the library's log to a logger, as much of it as that wants.</summary>
internal sealed partial class DaytonaLogForwarder : IDisposable
{
    private readonly IDisposable? _listening;

    internal DaytonaLogForwarder(ILoggerFactory? factory)
    {
        if (factory?.CreateLogger("Daytona") is { } logger
            && Enum.GetValues<DaytonaLogLevel>().LastOrDefault(level => logger.IsEnabled(Level(level))) is var most and not 0)
        {
            _listening = DaytonaLog.Listen(most, line =>
            {
                if (line.Dropped > 0)
                {
                    LogDropped(logger, line.Dropped);
                }
                LogLine(logger, Level(line.Level), line.Message);
            });
        }
    }

    public void Dispose() => _listening?.Dispose();

    /// <summary>Both count error, warning, information and debug in a row, from either end.</summary>
    private static LogLevel Level(DaytonaLogLevel level) => LogLevel.Critical - (int)level;

    [LoggerMessage(EventId = 1, Message = "{Message}")]
    private static partial void LogLine(ILogger logger, LogLevel level, string message);

    [LoggerMessage(2, LogLevel.Warning, "{Count} lines of the log were lost: they came faster than they were taken.")]
    private static partial void LogDropped(ILogger logger, long count);
}
