# frozen_string_literal: true

require_relative 'event_queue'

module Daytona
  # The calls of one client. A call that its thread waits for has a queue of its own meanwhile, which is used again
  # afterwards; those that were only begun share one.
  class Calls
    ONE = '{"capacityCalls":4}'
    MANY = '{"capacityCalls":1000000}'

    def initialize
      @idle = []
      @begun = nil
      @opening = Mutex.new
      @closed = false
    end

    # Runs a call to its end, and gives the handle and the data of its result. An exception on the way (Timeout,
    # Thread#kill, one of the block) cancels the call.
    def run(target, operation, params, body, progress)
      queue = @idle.pop || EventQueue.new(ONE)
      reusable = false
      result = 0
      data = status = nil
      queue.submit(target, operation, params, body)
      reports = progress && []
      until status
        queue.take do |kind, outcome, event|
          if kind == Tables::Kind::DONE
            result = event[2]
            data = EventQueue.bytes(event)
            status = outcome
          elsif reports && kind == Tables::Kind::PROGRESS
            reports << EventQueue.text(event)
          end
        end
        progress&.call(Progress.new(JsonText.parse(reports.shift))) until reports.nil? || reports.empty?
      end
      reusable = true
      raise Errors.from_json(data) unless status.zero?

      answer = [result, data]
    ensure
      Library.close(result) unless answer || result.nil? || result.zero?
      reusable && !@closed ? @idle.push(queue) : queue&.close
    end

    # Begins a call, which its value is asked of later.
    def start(owner, operation, params, body, progress)
      @opening.synchronize { @begun ||= BegunCalls.new } unless @begun
      @begun.start(owner, operation, params, body, progress)
    end

    def close
      @closed = true
      while (queue = @idle.pop)
        queue.close
      end
    end
  end

  # Calls that were begun, by the number that their events carry. Whoever waits for one of them takes the events of all.
  class BegunCalls
    def initialize
      @queue = EventQueue.new(Calls::MANY)
      @calls = {}
      @last = 0
      @turn = Mutex.new
      @lock = Mutex.new
      @changed = ConditionVariable.new
      @waiting = 0
    end

    def start(owner, operation, params, body, progress)
      call = PendingCall.new(self, owner, operation, progress)
      target = owner.native
      # A call that began is known, whatever Ruby wants of the thread meanwhile.
      Thread.handle_interrupt(EventQueue::LATER) do
        @lock.synchronize do
          user = @last += 1
          @calls[user] = call
          call.handle = @queue.submit(target, operation, params, body, user)
        ensure
          @calls.delete(user) unless call.handle
        end
      end
      call
    end

    # Takes what comes within this time, or lets the thread do it that is at it already.
    def advance(call, limit_ms = EventQueue::SLICE_MS)
      reports = []
      taken = Thread.handle_interrupt(EventQueue::LATER) { @turn.try_lock && take(limit_ms, reports) }
      wait_for_change(call) unless taken || limit_ms.zero?
      # Behind the turn: the user's code may wait for another call.
      reports.each { |of, text| of.report(text) }
    end

    private

    def wait_for_change(call)
      @lock.synchronize do
        @waiting += 1
        @changed.wait(@lock, 0.05) unless call.over?
      ensure
        @waiting -= 1
      end
    end

    def take(limit_ms, reports)
      @queue.take(limit_ms) do |kind, status, event|
        if kind == Tables::Kind::DONE
          @calls.delete(event[1]).finish(status, event[2], EventQueue.bytes(event))
        elsif kind == Tables::Kind::PROGRESS
          reports << [@calls[event[1]], EventQueue.text(event)]
        end
      end
      true
    ensure
      @turn.unlock
      @lock.synchronize { @changed.broadcast } if @waiting.positive?
    end
  end

  # A call under way: `value` waits for its answer, `cancel` ends it.
  class PendingCall
    attr_accessor :handle

    def initialize(calls, owner, operation, progress)
      @calls = calls
      @owner = owner
      @operation = operation
      @progress = progress
    end

    # Whether the answer is there; takes what has come.
    def done?
      @calls.advance(self, 0) unless @done
      over?
    end

    def over? = @done || false

    # The answer, as `Target#call` gives it; raises what the call failed with.
    def value
      @calls.advance(self) until @done
      raise @error if @error

      @value
    end

    # Ends this side of the call; `value` then raises Sdk::CancelledError, unless the answer is there already.
    def cancel
      Library.cancel(@handle)
      nil
    end

    def finish(status, result, data)
      if status.zero?
        @value = @owner.answer(@operation, result, data)
      else
        @error ||= Errors.from_json(data)
      end
    rescue StandardError => e
      @error = e
    ensure
      @done = true
    end

    # What the block raises ends its own call, not that of the thread which happens to run it.
    def report(text)
      @progress&.call(Progress.new(JsonText.parse(text)))
    rescue StandardError => e
      @error = e
      @progress = nil
      cancel
    end
  end
end
