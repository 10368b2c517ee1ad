namespace Daytona;

/// <summary>What can be said of every call.</summary>
public class CallOptions : IParameters
{
    /// <summary>When this side gives the call up with a <see cref="DaytonaTimeoutException"/>;
    /// <see cref="Timeout.InfiniteTimeSpan"/> is never. Absent: the operation's own limit, a minute for what answers at
    /// once and none for what takes its time. Of a stream it bounds the whole life.</summary>
    public TimeSpan? CallTimeout { get; set; }

    /// <summary>A copy, to be changed.</summary>
    internal T Copy<T>() where T : CallOptions => (T)MemberwiseClone();

    void IParameters.Write(Parameters parameters)
    {
        parameters.Limit("timeoutMs"u8, CallTimeout);
        Write(parameters);
    }

    private protected virtual void Write(Parameters parameters)
    {
    }
}
