--- Homespun for Neovim: starts `homespun serve` and shows its suggestions as ghost text. What to suggest, and where
--- a suggestion ends, is the server's business.

local M = {}

---@type homespun.Config?
M.config = nil

---@return table backend
local function backend(config)
  if vim.lsp.inline_completion then
    return require('homespun.builtin')
  end
  local ghost = require('homespun.ghost')
  ghost.configure({ debounce = config.debounce })
  return ghost
end

---@param options table? see :help homespun-options
function M.setup(options)
  local config, problems = require('homespun.config').resolve(options)
  if problems[1] then
    -- Later and at once: an error while init.lua runs, or a second line, would make Neovim wait for a key.
    vim.schedule(function()
      vim.notify('homespun: ' .. table.concat(problems, '; '), vim.log.levels.WARN)
    end)
  end
  M.config = config
  local chosen = backend(config)
  require('homespun.state').enable(config.enabled)
  require('homespun.paint').define_highlight()
  require('homespun.keys').set(config.keys, chosen)
  require('homespun.command').create(config)
  require('homespun.client').setup(config, chosen)
end

--- For a status line: "homespun ready · 66b17aa2".
---@return string
function M.status()
  return require('homespun.state').line()
end

return M
