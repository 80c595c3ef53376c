return Expecto.CSharp.Runner.RunTestsInAssemblyWithCLIArgs([], args);
