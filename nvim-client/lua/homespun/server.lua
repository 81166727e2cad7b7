--- Finds the `homespun` executable and says with which flags to run it. Starts nothing.

local M = {}

--- Only places the user chose: a setting, the environment activated in this shell, PATH. Never a file of the
--- repository being edited, which anybody may have written.
---@param config homespun.Config
---@return string? path, string where_or_why
function M.find(config)
  if config.server then
    local path = vim.fn.expand(config.server)
    if vim.fn.executable(path) == 1 then
      return path, 'the option "server"'
    end
    return nil, ('the option "server" names %s, which cannot be run'):format(path)
  end
  local environment = vim.env.VIRTUAL_ENV
  for _, folder in ipairs({ 'bin/homespun', 'Scripts/homespun.exe' }) do
    local path = environment and vim.fs.joinpath(environment, folder)
    if path and vim.fn.executable(path) == 1 then
      return path, 'the active virtual environment'
    end
  end
  local path = vim.fn.exepath('homespun')
  if path ~= '' then
    return path, 'PATH'
  end
  return nil,
    'no homespun executable in the active virtual environment or on PATH: '
      .. 'install homespun, or name it in setup({ server = … })'
end

---@param config homespun.Config
---@return string[] flags for any `homespun` command that loads a model
function M.flags(config)
  local flags = {}
  for _, name in ipairs({ 'base', 'store', 'device', 'fim_format', 'remote', 'remote_base' }) do
    if config[name] then
      vim.list_extend(flags, { '--' .. (name:gsub('_', '-')), config[name] })
    end
  end
  return flags
end

---@return string path of the server's log, which it keeps small itself
function M.log()
  return vim.fs.joinpath(vim.fn.stdpath('log'), 'homespun.log')
end

return M
