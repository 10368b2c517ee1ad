# frozen_string_literal: true

require_relative 'answers'
require_relative 'image'
require_relative 'generated/calls'

module Daytona
  # The official gem's arguments, made into parameters of operations.
  module Compatible
    LANGUAGE = 'python'

    extend Conversions

    class << self
      # The fields of an object of parameters, or of a hash with the keywords of these classes or JSON names.
      def fields(params, *kinds)
        given = case params
                when nil then {}
                when Parameters then params.to_params
                when Record then params.to_h
                when Hash, Struct then JsonText.options(params.to_h, kinds.map { |it| it::FIELDS }.reduce({}, :merge))
                else raise Errors.invalid("Parameters are a hash, or an object of parameters, not #{params.class}.")
                end
        given.transform_values { |value| iso(value) }
      end

      def sandbox_params(params, timeout_ms)
        fields = fields(params, CreateSandboxFromImageParams, CreateSandboxFromSnapshotParams)
        # As the official gem has it. With a hash the library gives the language, where an own label wins.
        fields['language'] = (fields['language'] || LANGUAGE).to_s if params.is_a?(Parameters)
        fields['secrets'] = secret_list(fields['secrets']) if fields['secrets']
        limit_ms = milliseconds(fields.delete('timeout'))
        fields['timeoutMs'] = timeout_ms || fields['timeoutMs'] || limit_ms
        fields.compact
      end

      # Names of environment variables and of the secrets that they hold, as the JSON has them.
      def secret_list(secrets)
        secrets.is_a?(Hash) ? secrets.map { |name, secret| { name.to_s => secret.to_s } } : secrets
      end

      # Hands a stream's text to a function for each channel, and gives how it ended.
      def dispatch(stream, **functions)
        stream.each_text_by_channel { |channel, text| functions[channel]&.call(text) }
        stream.result
      end
    end
  end

  class Process < ProcessCalls
    def create_pty_session(id:, cwd: nil, envs: nil, pty_size: nil)
      made = invoke('pty.create', { id:, cwd:, env: envs, cols: 80, rows: 24, lazyStart: true, **spread(pty_size) })
      handle = connect_pty_session(id)
    ensure
      # Nobody attends it, and its id would stay taken.
      discard(id) if made && !handle
    end

    def connect_pty_session(session_id)
      stream = invoke_stream('pty.connect', { id: session_id }, [PtyOpened, PtyEnded])
      stream.opened
      handle = PtyHandle.new(self, stream, session_id)
    ensure
      stream&.close unless handle
    end

    private

    def discard(id)
      invoke('pty.kill', { id:, timeoutMs: 5000 })
    rescue Sdk::Error
      nil
    end
  end

  # A terminal.
  class PtyHandle
    include Enumerable

    attr_reader :session_id, :exit_code, :error

    def initialize(process, stream, session_id)
      @process = process
      @stream = stream
      @session_id = session_id
    end

    def connected? = !@ended && !@stream.closed?

    def wait_for_connection(**)
      @stream.opened
      nil
    end

    # Types bytes, those of a text as they are.
    def send_input(input) = @stream.write(input)

    def resize(pty_size) = @process.resize_pty_session(session_id, pty_size)

    def kill = @process.delete_pty_session(session_id)

    # Yields the output up to the terminal's end.
    def each(&block)
      return enum_for(:each) unless block

      wait(&block)
      nil
    end

    # Waits for the terminal's end, at most this many seconds, and yields its output meanwhile.
    def wait(timeout: nil)
      deadline = timeout && (now + timeout)
      while (chunk = piece(deadline))
        yield chunk.text if block_given?
      end
      PtyResult.new(exit_code:, error:)
    end

    # Leaves the terminal; it goes on.
    def disconnect = @stream.close

    private

    def now = ::Process.clock_gettime(::Process::CLOCK_MONOTONIC)

    # The next piece of output; nil at the end, and when the time is over.
    def piece(deadline)
      return if @ended

      chunk = @stream.read(timeout: deadline && (deadline - now))
      return chunk if chunk

      @exit_code, @error = @stream.result.to_h.values_at('exitCode', 'reason')
      @ended = true
      nil
    rescue Sdk::Error => e
      return if e.is_a?(Sdk::TimeoutError) && !@stream.closed?

      @ended = true
      @exit_code = e.exit_code
      @error = e.message
      nil
    end
  end

  class Git < GitCalls
    # The URL of a remote, or nil.
    def remote_get(path, name) = remotes(path).remotes&.find { |remote| remote.name == name }&.url
  end

  class FileSystem < FileSystemCalls
    # As the official gem: how long a transfer may take.
    TRANSFER_SECONDS = 30 * 60

    # Downloads a file to a local path, or gives a File that is deleted with it.
    def download_file(remote_path, local_path = nil, timeout: TRANSFER_SECONDS, &block)
      if local_path
        FileUtils.mkdir_p(File.dirname(local_path))
        invoke('files.download', { remotePath: remote_path, localPath: local_path, timeoutMs: milliseconds(timeout) },
               &block)
        return nil
      end
      file = Tempfile.new('daytona', binmode: true)
      told = block && ->(it) { block.call(Progress.new('bytes' => it.bytes_received, 'total' => it.total_bytes)) }
      download_file_stream(remote_path, timeout:, on_progress: told) { |data| file.write(data) }
      file.tap(&:rewind)
    end

    # Yields a file's bytes by pieces.
    def download_file_stream(remote_path, timeout: TRANSFER_SECONDS, on_progress: nil, cancel_event: nil)
      return enum_for(__method__, remote_path, timeout:, on_progress:, cancel_event:) unless block_given?

      stream = invoke_stream('files.reader', { path: remote_path, timeoutMs: milliseconds(timeout) }, [ReaderOpened])
      stream.each do |chunk|
        raise Sdk::CancelledError, "Download cancelled: #{remote_path}" if cancel_event&.set?

        on_progress&.call(DownloadProgress.new(bytes_received: chunk.position, total_bytes: stream.opened.length))
        yield chunk.data
      end
      nil
    end

    # Uploads a local file where `source` is the path of one, else what can be read from it, else its text.
    def upload_file(source, remote_path, timeout: TRANSFER_SECONDS, &block)
      timeout_ms = milliseconds(timeout)
      if local?(source)
        invoke('files.upload', { localPath: File.expand_path(source), remotePath: remote_path, timeoutMs: timeout_ms },
               &block)
      elsif block || source.respond_to?(:read)
        told = block && ->(it) { block.call(Progress.new('bytes' => it.bytes_sent)) }
        upload_file_stream(source, remote_path, timeout:, on_progress: told)
      else
        invoke('files.write', { path: remote_path, timeoutMs: timeout_ms }, source)
      end
      nil
    end

    # Uploads what is read from an IO, a local file, or a text, by pieces.
    def upload_file_stream(source, remote_path, timeout: TRANSFER_SECONDS, on_progress: nil, cancel_event: nil)
      from = local?(source) ? File.open(source, 'rb') : source
      from = StringIO.new(bytes_of(from).b) unless from.respond_to?(:read)
      stream = invoke_stream('files.writer', { path: remote_path, timeoutMs: milliseconds(timeout) })
      bytes_sent = 0
      while (data = from.read(1 << 16))
        raise Sdk::CancelledError, "Upload cancelled: #{remote_path}" if cancel_event&.set?

        bytes_sent += stream.write(data)
        on_progress&.call(UploadProgress.new(bytes_sent:))
      end
      stream.finish
      stream.result
      nil
    ensure
      stream&.close
      from.close if from && !from.equal?(source)
    end

    # Uploads many files, FileUpload objects.
    def upload_files(files)
      files.each { |file| upload_file(file.source, file.destination) }
    end

    private

    # Pathname#read would begin anew each time.
    def local?(source)
      source.is_a?(Pathname) || (source.is_a?(String) && !source.b.include?("\0") && File.file?(source))
    end
  end

  class CodeInterpreter < CodeInterpreterCalls
    # Runs code in a context; the functions get OutputMessage and ExecutionError while it runs.
    def run_code(code, context: nil, on_stdout: nil, on_stderr: nil, on_error: nil, envs: nil, timeout: nil)
      stream = invoke_stream('interpreter.run', { code:, contextId: context && id_of(context), env: envs, timeout: })
      result = ExecutionResult.new(stdout: +'', stderr: +'')
      structured = lambda do |text|
        result.error = ExecutionError.new(JsonText.parse(text))
        on_error&.call(result.error)
      end
      Compatible.dispatch(stream, stdout: ->(output) { tell(result.stdout, output, on_stdout) },
                                  stderr: ->(output) { tell(result.stderr, output, on_stderr) }, structured:)
      result
    end

    private

    def tell(all, output, function)
      all << output
      function&.call(OutputMessage.new(output:))
    end
  end

  class ComputerUse
    class ScreenshotOptions
      alias fmt format
      alias fmt= format=
    end
  end

  # Languages of code that runs in a sandbox.
  module CodeLanguage
    ALL = [
      JAVASCRIPT = :javascript,
      PYTHON = :python,
      TYPESCRIPT = :typescript
    ].freeze
  end

  class LspServer
    # The languages that it knows.
    Language = CodeLanguage
  end

  class SnapshotService < SnapshotCalls
    # Makes a snapshot of CreateSnapshotParams, and waits until it is active.
    def create(params, on_logs: nil, timeout_ms: nil)
      fields = Compatible.fields(params).merge('timeoutMs' => timeout_ms).compact
      return Snapshot.new(@target.call('snapshot.create', fields)) unless on_logs

      Snapshot.new(Compatible.dispatch(@target.open_stream('snapshot.create', fields), stdout: on_logs))
    end
  end

  class VolumeService < VolumeCalls
    # A volume by its name or id; with `create` it is made where there is none, and waited
    # for until it can be mounted.
    def get(name, create: false, timeout_ms: nil)
      Volume.of(invoke('volume.get', { idOrName: id_of(name), timeoutMs: timeout_ms }))
    rescue Sdk::NotFoundError
      raise unless create

      # One that is not ready yet cannot be mounted.
      create(name, timeout_ms:)
      wait(name, timeout_ms:)
    end
  end
end
