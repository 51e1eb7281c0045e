@echo off
rem Starts fwtool on Windows from the files beside this one, without network: start.cmd [COMMAND ...]
rem A Python environment is made once, in the user's own folder; the stick is not written to.
setlocal
set "here=%~dp0"
set "place=%LOCALAPPDATA%\fwtool\tool-@ID@"
set "arguments=%*"
if "%~1"=="" set "arguments=visit"

if not exist "%here%frozen\windows\fwtool.exe" goto wheels
"%here%frozen\windows\fwtool.exe" %arguments%
goto end

:wheels
if exist "%place%\complete" goto run
set "python="
for %%v in (@PYTHONS@) do if not defined python py -%%v -c "import venv" >nul 2>nul && set "python=py -%%v"
if not defined python python -c "import sys, venv; sys.exit(not ((@LOW@) <= sys.version_info[:2] <= (@HIGH@)))" >nul 2>nul && set "python=python"
if not defined python (
  echo fwtool needs Python @OLDEST@ to @NEWEST@ for 64-bit Windows.
  cmd /c exit 9
  goto end
)
echo Setting fwtool up, once ...
if exist "%place%" rmdir /s /q "%place%"
%python% -m venv "%place%"
if errorlevel 1 goto end
set "PIP_CONFIG_FILE=nul"
"%place%\Scripts\python.exe" -m pip --isolated --quiet --disable-pip-version-check install --no-index --find-links "%here%wheels" --require-hashes --no-deps --only-binary :all: -r "%here%requirements.txt"
if errorlevel 1 goto end
echo complete>"%place%\complete"

:run
"%place%\Scripts\fwtool.exe" %arguments%

:end
set "code=%errorlevel%"
if "%~1"=="" pause
exit /b %code%
