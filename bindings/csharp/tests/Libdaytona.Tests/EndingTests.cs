namespace Daytona.Tests;

/// <summary>Failures, cancellation, time limits, and closing in the middle. Needs no server.</summary>
public sealed class EndingTests
{
    [Theory]
    [InlineData(404, "FILE_NOT_FOUND", typeof(DaytonaFileNotFoundException))]
    [InlineData(404, "A_CODE_OF_TOMORROW", typeof(DaytonaNotFoundException))]
    [InlineData(404, null, typeof(DaytonaNotFoundException))]
    [InlineData(401, "GIT_AUTH_FAILED", typeof(DaytonaGitAuthFailedException))]
    [InlineData(408, null, typeof(DaytonaTimeoutException))]
    [InlineData(4, null, typeof(DaytonaTimeoutException))]
    [InlineData(429, null, typeof(DaytonaRateLimitException))]
    [InlineData(418, null, typeof(DaytonaException))]
    [InlineData(7, null, typeof(DaytonaTlsException))]
    [InlineData(19, null, typeof(DaytonaNoMatchException))]
    public async Task A_failure_has_its_class(int status, string? code, Type expected)
    {
        await using var echo = new Echo();
        var exception = await Assert.ThrowsAnyAsync<DaytonaException>(() => echo.ErrorAsync(status, code, "what happened"));
        Assert.IsType(expected, exception);
        Assert.Equal(status, (int)exception.Status);
        Assert.Equal(code, exception.Code);
        Assert.Equal("echo.error", exception.Operation);
        Assert.Contains("what happened", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Classes_stand_in_a_tree()
    {
        Assert.IsAssignableFrom<DaytonaNotFoundException>(new DaytonaFileNotFoundException(new DaytonaError()));
        Assert.IsAssignableFrom<DaytonaConnectionException>(new DaytonaTlsException(new DaytonaError()));
        Assert.IsAssignableFrom<DaytonaBadRequestException>(new DaytonaInvalidArgumentException(new DaytonaError()));
    }

    [Fact]
    public void The_environment_is_the_one_that_the_program_sees()
    {
        const string Organization = "DAYTONA_ORGANIZATION_ID"; // Without effect on the clients of other tests, which have a key.
        Environment.SetEnvironmentVariable(Organization, " ");
        Assert.Throws<DaytonaConfigurationException>(() => new DaytonaClient(new DaytonaOptions { JwtToken = "token" }));
        Environment.SetEnvironmentVariable(Organization, "organization");
        new DaytonaClient(new DaytonaOptions { JwtToken = "token" }).Dispose();
        Environment.SetEnvironmentVariable(Organization, null);
    }

    [Fact]
    public async Task A_panic_is_an_exception_and_the_client_goes_on()
    {
        await using var echo = new Echo();
        await Assert.ThrowsAsync<DaytonaPanicException>(() => echo.Target.CallAsync("echo.panic"u8, Parameters.Rent(), Answer.Nothing, CancellationToken.None));
        await echo.DelayAsync(0);
    }

    [Fact]
    public async Task A_cancelled_call_is_an_OperationCanceledException_with_the_token()
    {
        await using var echo = new Echo();
        using var source = new CancellationTokenSource();
        var call = echo.DelayAsync(60_000, source.Token);
        await source.CancelAsync();
        var exception = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        Assert.Equal(source.Token, exception.CancellationToken);
        Assert.IsType<DaytonaCancelledException>(exception.InnerException);
    }

    [Fact]
    public async Task A_call_with_a_cancelled_token_is_not_sent()
    {
        await using var echo = new Echo();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await echo.DelayAsync(60_000, new CancellationToken(true)));
    }

    [Fact]
    public async Task Calls_that_are_cancelled_as_they_end_leave_the_others_alone()
    {
        await using var echo = new Echo();
        await Parallel.ForEachAsync(Enumerable.Range(0, 8), async (_, _) =>
        {
            for (var round = 0; round < 500; round++)
            {
                using var source = new CancellationTokenSource();
                var cancelled = echo.DelayAsync(0, source.Token);
                var other = echo.ValueAsync(parameters => parameters.Add("round"u8, round));
                source.Cancel();
                try
                {
                    await cancelled;
                }
                catch (OperationCanceledException)
                {
                    // It came in time.
                }
                Assert.Equal(round, (await other)["round"].GetInt32());
            }
        });
    }

    [Fact]
    public async Task Short_calls_end_beside_a_long_one()
    {
        await using var echo = new Echo();
        using var source = new CancellationTokenSource();
        var longest = echo.DelayAsync(600_000, source.Token);
        await echo.DelayAsync(20);
        for (var round = 0; round < 1000; round++)
        {
            await echo.DelayAsync(round % 100 == 0 ? 5 : 0);
        }
        Assert.False(longest.IsCompleted);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => longest);
    }

    [Fact]
    public async Task A_time_limit_is_a_DaytonaTimeoutException()
    {
        await using var echo = new Echo();
        var exception = await Assert.ThrowsAsync<DaytonaTimeoutException>(() => echo.DelayAsync(60_000, limit: TimeSpan.FromMilliseconds(20)));
        Assert.Equal(DaytonaStatus.Timeout, exception.Status);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>("timeoutMs", async () => await echo.DelayAsync(0, limit: TimeSpan.Zero));
        await echo.DelayAsync(0, limit: Timeout.InfiniteTimeSpan);
    }

    [Fact]
    public async Task Disposing_the_client_ends_its_calls_and_waits_for_them()
    {
        var echo = new Echo();
        var calls = Enumerable.Range(0, 100).Select(_ => echo.DelayAsync(60_000)).ToArray();
        await echo.DisposeAsync();
        foreach (var call in calls)
        {
            await Assert.ThrowsAsync<DaytonaClosedException>(() => call);
        }
        var exception = await Assert.ThrowsAsync<ObjectDisposedException>(async () => await echo.DelayAsync(0));
        Assert.IsAssignableFrom<DaytonaException>(exception.InnerException);
    }

    [Fact]
    public async Task Calls_of_a_client_that_is_disposed_without_waiting_each_end_with_what_the_library_says()
    {
        for (var round = 0; round < 20; round++)
        {
            var echo = new Echo();
            var calls = Enumerable.Range(0, 100).Select(_ => echo.DelayAsync(60_000)).ToArray();
            echo.Client.Dispose();
            foreach (var call in calls)
            {
                Assert.Equal("echo.delay", (await Assert.ThrowsAsync<DaytonaClosedException>(() => call)).Operation);
            }
        }
    }

    [Fact]
    public async Task Calls_that_race_with_the_disposal_all_end()
    {
        for (var round = 0; round < 20; round++)
        {
            var echo = new Echo();
            var callers = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
            {
                while (true)
                {
                    try
                    {
                        await echo.DelayAsync(1);
                    }
                    catch (Exception exception) when (exception is ObjectDisposedException or DaytonaClosedException)
                    {
                        return;
                    }
                }
            })).ToArray();
            await echo.DelayAsync(1);
            await echo.DisposeAsync();
            await Task.WhenAll(callers);
        }
    }

    [Fact]
    public void A_client_that_nobody_holds_is_closed()
    {
        var client = Abandoned();
        // The library's thread may be on its way out of the callback that completed the call.
        for (var round = 0; round < 2000 && IsAlive(client); round++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Thread.Sleep(10);
        }
        Assert.False(IsAlive(client));
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static bool IsAlive(WeakReference<ClientHandle> client) => client.TryGetTarget(out _);

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static WeakReference<ClientHandle> Abandoned()
    {
        var echo = new Echo();
        echo.DelayAsync(0).Wait();
        return new WeakReference<ClientHandle>(echo.Client);
    }

    [Fact]
    public async Task What_is_under_way_keeps_a_client_that_nobody_holds()
    {
        var call = new Echo().DelayAsync(300);
        while (!call.IsCompleted)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            await Task.Yield();
        }
        await call;
    }

    [Fact]
    public void A_library_of_another_version_is_refused_by_number()
    {
        const uint needed = LibraryVersion.Interface;
        NativeLibraryLoader.Check(needed, "/lib/libdaytona.so");
        NativeLibraryLoader.Check(needed + 1, "/lib/libdaytona.so");
        var older = Assert.Throws<DaytonaLibraryException>(() => NativeLibraryLoader.Check(needed - 1, "/lib/libdaytona.so"));
        Assert.Contains("/lib/libdaytona.so is too old: its interface is 0.0", older.Message, StringComparison.Ordinal);
        var newer = Assert.Throws<DaytonaLibraryException>(() => NativeLibraryLoader.Check(needed + (1 << 16), "/lib/libdaytona.so"));
        Assert.Contains("too new: its interface is 1.", newer.Message, StringComparison.Ordinal);
    }
}
