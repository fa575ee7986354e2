using AllocReplay.Formats.Stacks;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Formats;

/// <summary>What a site is called on a page.</summary>
public sealed class SiteNameTests
{
    [Theory]
    [InlineData("main", "main")]
    [InlineData("shop::Cart* shop::make<shop::Cart>(int)", "shop::make<shop::Cart>")]
    [InlineData("operator new(unsigned long)", "operator new")]
    [InlineData("operator new[](unsigned long, std::align_val_t)", "operator new[]")]
    [InlineData("void* shop::Pool::operator new(unsigned long)", "shop::Pool::operator new")]
    [InlineData("shop::Pool::operator()(int) const", "shop::Pool::operator()")]
    [InlineData("bool operator< <int>(A<int> const&, A<int> const&)", "operator< <int>")]
    [InlineData("(anonymous namespace)::f(int)", "(anonymous namespace)::f")]
    [InlineData("f(int) [clone .constprop.0]", "f")]
    [InlineData("f(void (*)(int))", "f")]
    [InlineData("f(int)::{lambda(int)#1}::operator()(int) const", "f(int)::{lambda(int)#1}::operator()")]
    [InlineData("std::vector<int, std::allocator<int> >::_M_default_append(unsigned long)", "std::vector<…>::_M_default_append")]
    [InlineData("std::map<std::string, std::vector<int> >::operator[](std::string const&)", "std::map<…>::operator[]")]
    [InlineData("<alloc::vec::Vec<T,A> as core::iter::traits::Extend<T>>::extend", "<alloc::vec::Vec<…> as core::iter::traits::Extend<…>>::extend")]
    [InlineData("a<b<c<d", "a<b<c<d")]
    [InlineData("LazyCompile:*f /srv/app.js:1:2", "LazyCompile:*f /srv/app.js:1:2")]
    [InlineData("", "")]
    [InlineData(")", ")")]
    [InlineData(")(", ")(")]
    public void A_name_is_shortened_to_what_is_called(string function, string name) => Assert.Equal(name, SiteName.Short(function));

    [Theory]
    [InlineData(2, "operator new(unsigned long)", "std::vector<int>::resize(unsigned long)", "shop::load(int)", "main")]
    [InlineData(1, "void* std::__new_allocator<int>::allocate(unsigned long)", "load")]
    [InlineData(1, "<alloc::vec::Vec<u8> as core::clone::Clone>::clone", "shop::load")]
    [InlineData(0, "standard_load", "main")]
    [InlineData(0, "operator new(unsigned long)")]
    public void A_site_is_called_by_the_lowest_function_that_is_not_a_librarys(int index, params string[] functions) =>
        Assert.Equal(index, SiteName.IndexIn([.. functions.Select(f => new StackLine(default, new FunctionLine(f, "", "", 0), false))]));

    [Fact]
    public void What_was_inlined_does_not_count()
    {
        StackLine Of(string function, bool isInlined) => new(default, new FunctionLine(function, "", "", 0), isInlined);
        Assert.Equal(1, SiteName.IndexIn([Of("inlined", true), Of("f", false), Of("main", false)]));
        Assert.Equal(1, SiteName.IndexIn([Of("inlined", true), Of("std::f", false)]));
    }

    [Fact]
    public void What_has_no_name_is_of_a_library_where_its_module_is()
    {
        StackLine In(string path) => new(CodeFrames.In(path, "", 1).Of(2, out _)[0], null, false);
        Assert.Equal(1, SiteName.IndexIn([In("/usr/lib/libstdc++.so.6"), In("/usr/bin/shop")]));
        Assert.Equal(1, SiteName.IndexIn([In("/usr/lib/libc.so.6"), In("/usr/bin/shop")]));
        Assert.Equal(0, SiteName.IndexIn([In("/usr/bin/shop"), In("/usr/bin/shop")]));
        Assert.Equal(0, SiteName.IndexIn([In("/usr/lib/libc.so.6")]));
        Assert.Equal("shop+0x1", SiteName.Of(In("/usr/bin/shop")));
    }
}
