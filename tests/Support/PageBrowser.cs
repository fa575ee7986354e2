using System.Text.Json;
using PuppeteerSharp;

namespace AllocReplay.Tests.Support;

/// <summary>A page that is open in a browser without a network. What it asks for and what goes wrong in it is kept.</summary>
internal sealed class PageBrowser : IAsyncDisposable
{
    private const int TimeoutMs = 180_000;

    private readonly IBrowser _browser;

    private PageBrowser(IBrowser browser, IPage page) => (_browser, Page) = (browser, page);

    public IPage Page { get; }
    /// <summary>Addresses that it asked for, its own first.</summary>
    public List<string> Requests { get; } = [];
    /// <summary>Errors of its script, and what its policy forbade.</summary>
    public List<string> Problems { get; } = [];

    /// <summary>Opens a file; the test is skipped where there is no browser.</summary>
    public static async Task<PageBrowser> OpenAsync(string file)
    {
        Programs.Need("chromium");
        IBrowser browser = await Puppeteer.LaunchAsync(new LaunchOptions
        {
            ExecutablePath = Programs.PathOf("chromium"),
            Args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--host-resolver-rules=\"MAP * ~NOTFOUND\""],
            Timeout = TimeoutMs,
            ProtocolTimeout = TimeoutMs,
        });
        try
        {
            IPage page = await browser.NewPageAsync();
            var opened = new PageBrowser(browser, page);
            page.Request += (_, e) => opened.Requests.Add(e.Request.Url);
            page.PageError += (_, e) => opened.Problems.Add(e.Message);
            page.Console += (_, e) => opened.Problems.Add(e.Message.Text);
            await page.GoToAsync(new Uri(file).AbsoluteUri, TimeoutMs, [WaitUntilNavigation.Load]);
            Assert.Equal("true", await page.EvaluateExpressionAsync<string>("document.documentElement.dataset.ready"));
            return opened;
        }
        catch
        {
            // Left alone it would outlive the tests, and hold their output open.
            await browser.DisposeAsync();
            throw;
        }
    }

    public Task<JsonElement> EvaluateAsync(string script) => Page.EvaluateFunctionAsync<JsonElement>($"() => {{ {script} }}");

    public async ValueTask DisposeAsync() => await _browser.DisposeAsync();
}
