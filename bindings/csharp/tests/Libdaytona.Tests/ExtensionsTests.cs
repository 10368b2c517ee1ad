using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Daytona.Tests;

/// <summary>Dependency injection and logging. Needs no server.</summary>
public sealed class ExtensionsTests
{
    [Fact]
    public async Task A_program_gets_one_client_and_the_library_logs_through_ILogger()
    {
        var services = new ServiceCollection();
        services.AddDaytona(options =>
        {
            options.ApiKey = "key";
            options.ApiUrl = "http://127.0.0.1:9/api"; // Nobody listens there.
            options.Retries = 0;
        });
        using var log = new Log();
        using var provider = new Provider(services, log);
        await using var client = (DaytonaClient)provider.GetService(typeof(DaytonaClient))!;
        Assert.Same(client, provider.GetService(typeof(DaytonaClient)));
        await Assert.ThrowsAsync<DaytonaConnectionException>(() => client.GetAsync("any"));
        Assert.Equal("Daytona", log.Category);
        Assert.NotEmpty(log.Lines.Take());
    }

    [Fact]
    public void A_listener_that_ended_can_be_followed_by_another()
    {
        DaytonaLog.Listen(DaytonaLogLevel.Debug, _ => { }).Dispose();
        using var second = DaytonaLog.Listen(DaytonaLogLevel.Error, _ => throw new InvalidOperationException());
    }

    [Fact]
    public void A_level_that_there_is_not_is_told_and_leaves_no_listener()
    {
        var exception = Assert.Throws<DaytonaInvalidArgumentException>(() => DaytonaLog.Listen((DaytonaLogLevel)99, _ => { }));
        Assert.Contains("99", exception.Message, StringComparison.Ordinal);
        Assert.Empty(Receiver.Of(null!));
    }

    /// <summary>The little of a container that this needs.</summary>
    private sealed class Provider(ServiceCollection services, Log log) : IServiceProvider, IDisposable
    {
        private readonly Dictionary<Type, object> _made = new() { [typeof(ILoggerFactory)] = log };

        public object? GetService(Type serviceType)
        {
            if (!_made.TryGetValue(serviceType, out var service) && services.SingleOrDefault(it => it.ServiceType == serviceType) is { } described)
            {
                _made[serviceType] = service = described.ImplementationFactory!(this);
            }
            return service;
        }

        public void Dispose()
        {
            foreach (var disposable in _made.Values.OfType<IDisposable>())
            {
                disposable.Dispose();
            }
        }
    }

    private sealed class Log : ILoggerFactory, ILogger
    {
        internal string? Category { get; private set; }

        internal BlockingCollection<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName)
        {
            Category = categoryName;
            return this;
        }

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
