# frozen_string_literal: true

require_relative 'opened'
require_relative 'generated/calls'
require_relative 'config'

module Daytona
  # What clients have in common: they are opened, and closed.
  module Closable
    # The handle. A closed client has none.
    def native = @handle || raise(Errors.closed('client'))

    def client_calls = @calls

    def client = self

    # The sandbox of a handle.
    def made(handle, fields) = Sandbox.new(self, handle, fields)

    def closed? = @handle.nil?

    # Ends the client's calls, which fail with Sdk::ClosedError, and its streams.
    def close
      return unless @handle

      handle = @handle
      @handle = nil
      ObjectSpace.undefine_finalizer(self)
      Opened.close(handle)
      @calls.close
      nil
    end

    private

    def open_native(function, config)
      @calls = Calls.new
      @handle = Opened.open(function, config)
      ObjectSpace.define_finalizer(self, Opened.closer(@handle))
    end
  end

  # A configured way to Daytona.
  class Daytona < Client
    include Closable

    attr_reader :config

    # `config`: a Config, or a hash with its keys; keywords are the same.
    def initialize(config = nil, **options)
      super()
      @config = config.is_a?(Config) ? config : Config.new(**Config.known(config.to_h.merge(options)))
      extra = config.is_a?(Config) ? options : Config.unknown(config.to_h.merge(options))
      open_native(:client_open, JsonText.write(@config.to_params.merge(JsonText.options(extra))))
    end

    def inspect = "#<#{self.class} #{closed? ? 'closed' : config.inspect}>"

    # Opens a client, and closes it after the block.
    def self.open(...)
      client = new(...)
      yield client
    ensure
      client&.close
    end

    # Makes a sandbox, and waits until it runs. `params`: CreateSandboxFromSnapshotParams, CreateSandboxFromImageParams,
    # or a hash with the same keys. `on_snapshot_create_logs` gets the build's log by pieces.
    def create(params = nil, on_snapshot_create_logs: nil, timeout_ms: nil)
      fields = Compatible.sandbox_params(params, timeout_ms)
      return call('sandbox.create', fields) unless on_snapshot_create_logs

      Compatible.dispatch(open_stream('sandbox.create', fields), stdout: on_snapshot_create_logs)
    end

    # An Enumerator of all sandboxes that a ListSandboxesQuery, or a hash with the same keys, describes. Pages are read
    # as they are needed.
    def list(query = nil, timeout_ms: nil)
      Enumerator.new do |all|
        fields = Compatible.fields(query, ListSandboxesQuery).merge('timeoutMs' => timeout_ms).compact
        loop do
          page = call('sandbox.list', fields)
          page['items'].each { |info| all << Sandbox.new(self, nil, info) }
          fields['cursor'] = page['nextCursor']
          break if fields['cursor'].nil?
        end
      end
    end

    def delete(sandbox, wait: false) = sandbox.delete(wait:)

    def start(sandbox, timeout = 60) = sandbox.start(timeout)

    def stop(sandbox, timeout = 60) = sandbox.stop(timeout)

    def snapshot = area(:snapshot_service, SnapshotService)

    def volume = area(:volume_service, VolumeService)
  end

  # A client that talks to nobody: it gives back what it is given.
  class Echo < EchoCalls
    include Closable

    def initialize
      super
      open_native(:echo_open, nil)
    end

    # Gives its parameters back.
    def value(fields = {}) = call('echo.value', fields)

    # A sandbox of no server, with its parameters in its place.
    def handle(fields = {}) = call('echo.handle', fields)
  end
end
