# frozen_string_literal: true

require_relative 'generated/calls'
require_relative 'compatible'

module Daytona
  # A sandbox: what the server said of it last, and everything that can be done in it.
  class Sandbox < SandboxCalls
    DEFAULT_TIMEOUT = 60

    # The client that it is of.
    attr_reader :client
    # What the server said of it last.
    attr_reader :info

    # `handle`: nil where it gets one when it is used, which makes no request.
    def initialize(client, handle, fields)
      super()
      @client = client
      @info = SandboxInfo.new(fields)
      @lock = Mutex.new
      own(handle) if handle
    end

    # The handle.
    def native
      @handle || @lock.synchronize do
        raise Errors.closed('sandbox') if @closed

        @handle || own(client.client_calls.run(client.native, 'sandbox.attach',
                                               JsonText.write(sandbox: @info.to_h), nil, nil)[0])
      end
    end

    def client_calls = client.client_calls

    # The sandbox of a handle that an operation gave.
    def made(handle, fields) = Sandbox.new(client, handle, fields)

    # Releases the handle; nothing happens to the sandbox. Calls afterwards fail with Sdk::ClosedError.
    def close
      @lock.synchronize do
        @closed = true
        ObjectSpace.undefine_finalizer(self)
        Library.close(@handle) if @handle
        @handle = nil
      end
    end

    def closed? = @closed || false

    # What the server said of it last, as it came.
    def to_h = @info.to_h

    def to_json(...) = to_h.to_json(...)

    def inspect = "#<#{self.class} id=#{id.inspect} name=#{name.inspect} state=#{state.inspect}>"

    # The client's configuration.
    def config = client.config

    def process = area(:official_process, Process)

    def fs = area(:fs, FileSystem)

    def git = area(:git, Git)

    def computer_use = area(:computer_use, ComputerUse)

    def code_interpreter = area(:code_interpreter, CodeInterpreter)

    def create_lsp_server(language_id:, path_to_project:) = LspServer.new(self, language_id:, path_to_project:)

    def labels=(labels)
      labels = labels.transform_values(&:to_s) if labels.is_a?(Hash)
      answer = SandboxLabels.new(call('sandbox.set_labels', { labels: }))
      @info = SandboxInfo.new(@info.to_h.merge('labels' => answer.labels))
    end

    # Replaces the secrets: names of environment variables, and of the secrets that they hold.
    def update_secrets(secrets) = set_secrets(Compatible.secret_list(secrets))

    # What it used, at several times; from its creation on, unless told otherwise.
    def get_metrics(start_time = nil, end_time = nil)
      Answers.metrics_by_time(metrics_history(start_time || created_at, end_time || Time.now.utc).series)
    end

    private

    def own(handle)
      ObjectSpace.define_finalizer(self, EventQueue.closer(handle))
      @handle = handle
    end

    # Takes over what the server said.
    def update(fields)
      @info = SandboxInfo.new(fields) if fields
      self
    end
  end
end
